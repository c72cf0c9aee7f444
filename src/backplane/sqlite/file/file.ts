/** The file of a data directory: opened, locked, and brought to the present schema. */
import { closeSync, fdatasync, fstatSync, mkdirSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { leadsTo, loadSqlite } from "../../../database/database.ts";
import { TidingsError } from "../../../protocol/protocol.ts";
import { causeOf } from "./failures.ts";
import { MIGRATIONS, type Migration, migrate } from "./schema.ts";

export { Checkpoints } from "./checkpoints.ts";
export { numberOf, type Row } from "./driver.ts";
export { causeOf, reading, unavailable } from "./failures.ts";
export { FileWatch } from "./file-watch.ts";
export { assertKnown } from "./schema.ts";

const FILE = "tidings.db";

const sync = promisify(fdatasync);

/** Path of the database in a data directory. */
export const fileIn = (directory: string): string => join(directory, FILE);

/** Memory for pages of the file, in KiB. */
const CACHE_KIB = 65_536;

export interface DataFile {
  readonly db: DatabaseSync;
  readonly path: string;
  /** Brings what was written to the file itself, not to its log, to the disk, on another thread. */
  sync(): Promise<void>;
  /** True as long as the path leads to the file that is open, or nobody can tell. */
  isThere(): Promise<boolean>;
  /** Closes the file and releases its lock. */
  close(): void;
}

/**
 * Opens the file of a data directory for this process alone, and makes what is missing.
 * @throws TidingsError `conflict` while another process uses the directory, and for a file that this version does not read.
 * `unavailable` for a directory that cannot be written, and a damaged file
 */
export function openFile(directory: string, migrations: readonly Migration[] = MIGRATIONS): DataFile {
  const path = fileIn(directory);
  try {
    // Messages are nobody else's business. A directory that exists keeps its mode.
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw cannotOpen(directory, error);
  }
  const lock = takeLock(directory);
  try {
    const db = openDatabase(path);
    let handle: number;
    try {
      migrate(db, path, migrations);
      // Closed after the database: a process loses all its locks on a file when it closes one handle of it.
      handle = openSync(path, "r+");
    } catch (error) {
      db.close();
      throw error;
    }
    const opened = fstatSync(handle, { bigint: true });
    return {
      db,
      path,
      sync: () => sync(handle),
      isThere: () => leadsTo(path, opened),
      close() {
        db.close();
        closeSync(handle);
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw error instanceof TidingsError ? error : cannotOpen(directory, error);
  }
}

/** Opens the file for reading, also while a server uses it. @throws TidingsError `not_found` without a file */
export function readFile(directory: string): DatabaseSync {
  const { DatabaseSync } = loadSqlite();
  try {
    const db = new DatabaseSync(fileIn(directory), { readOnly: true });
    db.exec("PRAGMA busy_timeout = 5000");
    return db;
  } catch (error) {
    throw new TidingsError("not_found", `data: cannot read ${fileIn(directory)}: ${whyOf(error)}`, {
      cause: error,
    });
  }
}

function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync } = loadSqlite();
  const db = new DatabaseSync(path);
  try {
    // A checkpoint on this connection would stop the event loop, so another thread makes them. What an operating system may lose of
    // the last seconds, it loses from the end.
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0");
    db.exec(`PRAGMA busy_timeout = 5000; PRAGMA cache_size = -${CACHE_KIB}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Locks a directory by an exclusive transaction on a database of its own, because the file itself must stay readable for others. The
 * lock is the system's: it ends with the process, however that ends.
 */
function takeLock(directory: string): { close(): void } {
  const { DatabaseSync } = loadSqlite();
  try {
    const lock = new DatabaseSync(join(directory, "tidings.lock"));
    try {
      lock.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
      return lock;
    } catch (error) {
      lock.close();
      throw error;
    }
  } catch (error) {
    throw isLocked(error) ? inUse(directory) : cannotOpen(directory, error);
  }
}

const isLocked = (error: unknown): boolean => causeOf(error)?.startsWith("another process") === true;

const inUse = (directory: string): TidingsError =>
  new TidingsError(
    "conflict",
    `data: another process uses ${resolve(directory)}. Stop it, or name another directory (DATA_DIR); several nodes need redis`,
  );

/** Tells why, for the operator: with the text of SQLite where its code says little. */
function whyOf(error: unknown): string {
  const cause = causeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (cause === undefined) return text;
  return cause.startsWith("SQLite answers") ? `${cause}, ${text}` : cause;
}

const cannotOpen = (directory: string, error: unknown): TidingsError =>
  new TidingsError(
    "unavailable",
    `data: cannot use the directory ${resolve(directory)}: ${whyOf(error)}. DATA_DIR names another one, and 0 none`,
    {
      cause: error,
    },
  );
