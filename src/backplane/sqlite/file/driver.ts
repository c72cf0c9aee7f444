import type { DatabaseSync } from "node:sqlite";

type Driver = typeof import("node:sqlite");

/**
 * Loads `node:sqlite`, at the first use of a data directory. Some versions of Node warn that it is experimental: that one warning is
 * swallowed, during the load only, which is synchronous.
 */
export function loadDriver(): Driver {
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

/** A row as an object of columns. */
export type Row = Record<string, unknown>;

/** Reads one number of a statement without parameters. */
export function numberOf(db: DatabaseSync, sql: string): number {
  const [value] = Object.values(db.prepare(sql).get() ?? {});
  return Number(value ?? 0);
}
