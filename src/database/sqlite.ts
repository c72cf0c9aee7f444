import { type BigIntStats, closeSync, mkdirSync, openSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes the file of a database and its directory, where they are missing, for this user of the system alone: what users write, and hashes of
 * their passwords, are nobody else's business. What exists keeps its mode.
 * @throws Error for a directory that cannot be made. What is wrong with the file, SQLite says
 */
export function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    // A file that exists is not opened: to close it would end all locks that this process has on it.
    closeSync(openSync(path, "wx", 0o600));
  } catch {
    // The file is there, or cannot be made: SQLite says why.
  }
}

/** Tells whether a path leads to a file, also when nobody can tell. False once the file was removed, moved or replaced. */
export async function leadsTo(path: string, { ino, dev }: BigIntStats): Promise<boolean> {
  try {
    const found = await stat(path, { bigint: true });
    return found.ino === ino && found.dev === dev;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

/**
 * Loads `node:sqlite`, at the first use of a file. Some versions of Node warn that it is experimental: that one warning is left out, during the
 * load only, which is synchronous, because who runs the server can do nothing about it.
 */
export function loadSqlite(): typeof import("node:sqlite") {
  const emit = process.emitWarning;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (!/SQLite/.test(String(warning))) Reflect.apply(emit, process, [warning, ...rest]);
  };
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emit;
  }
}
