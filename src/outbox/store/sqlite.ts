import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { loadSqlite, reasonOf } from "../../database/database.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import type { Backlog } from "../backlog.ts";
import type { OutboxRow, RowName } from "../row.ts";
import { TABLE } from "../schema.ts";
import type { OutboxStore, Refusal } from "./port.ts";
import { selectRows } from "./statements.ts";

/** A step that finds the file locked is tried again: this thread may have other work, so it waits for a moment only. */
const BUSY_MS = 20;

/** Result code of a file that is locked (https://sqlite.org/rescode.html). */
const BUSY = 5;

const SELECT = selectRows("data", "channel IN (SELECT value FROM json_each(?))");

interface Opened {
  readonly database: DatabaseSync;
  readonly select: StatementSync;
}

/**
 * The outbox in a SQLite file. Steps run in this thread. One relay at a time has it: the one that has locked a second file, `<file>-relay`.
 * The system lets go of the lock when its process ends, however that happens.
 */
export class SqliteStore implements OutboxStore {
  readonly #path: string;
  #opened: Opened | undefined;
  #lock: DatabaseSync | undefined;

  constructor(path: string) {
    this.#path = resolve(path); // the working directory may change
  }

  async read(without: readonly string[]): Promise<readonly OutboxRow[] | undefined> {
    return this.#run(({ select }) => {
      this.#lock ??= lockFile(`${this.#path}-relay`);
      if (this.#lock === undefined) return undefined;
      return select.all(JSON.stringify(without)) as unknown as OutboxRow[]; // it selects these columns
    });
  }

  async settle(published: readonly RowName[], failed: readonly Refusal[]): Promise<void> {
    this.#run(({ database }) => {
      database.exec("BEGIN IMMEDIATE");
      try {
        const remove = database.prepare(`DELETE FROM ${TABLE} WHERE id = ? AND key = ?`);
        for (const { id, key } of published) remove.run(Number(id), key);
        const mark = database.prepare(
          `UPDATE ${TABLE} SET failed_at = ?, failure = ? WHERE id = ? AND key = ?`,
        );
        for (const { id, key, reason } of failed) mark.run(Date.now(), reason, Number(id), key);
        database.exec("COMMIT");
      } catch (error) {
        // After some errors, a full disk among them, SQLite has rolled back already.
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }

  async backlog(): Promise<Backlog> {
    return this.#run(({ database }) => {
      const row = database
        .prepare(
          `SELECT (SELECT count(*) FROM ${TABLE} WHERE failed_at IS NULL) AS waiting,
            (SELECT created_at FROM ${TABLE} WHERE failed_at IS NULL ORDER BY id LIMIT 1) AS oldest,
            (SELECT count(*) FROM ${TABLE} WHERE failed_at IS NOT NULL) AS failed`,
        )
        .get() as { waiting: number; oldest: number | null; failed: number }; // its columns
      const { waiting, oldest, failed } = row;
      return { waiting, oldestMs: oldest === null ? 0 : Math.max(0, Date.now() - oldest), failed };
    });
  }

  async close(): Promise<void> {
    this.#drop();
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** Runs a step. The file is opened anew after a failure. */
  #run<Result>(step: (opened: Opened) => Result): Result {
    try {
      this.#opened ??= this.#open();
      return step(this.#opened);
    } catch (error) {
      if (!isBusy(error)) this.#drop();
      throw new TidingsError(
        "unavailable",
        `outbox: the file ${this.#path} failed: ${reasonOf(error)}${hintOf(error)}`,
      );
    }
  }

  #open(): Opened {
    // SQLite would make a file that is missing, and the relay look into an empty one for ever.
    if (!existsSync(this.#path)) throw new Error("there is no such file");
    const database = new (loadSqlite().DatabaseSync)(this.#path, { timeout: BUSY_MS });
    try {
      return { database, select: database.prepare(SELECT) };
    } catch (error) {
      database.close();
      throw error;
    }
  }

  #drop(): void {
    this.#opened?.database.close();
    this.#opened = undefined;
  }
}

const isBusy = (error: unknown): boolean =>
  ((error as { readonly errcode?: number }).errcode ?? 0) % 256 === BUSY;

const hintOf = (error: unknown): string =>
  error instanceof Error && error.message.includes(`no such table: ${TABLE}`)
    ? ': make it with outboxSchema("sqlite")'
    : "";

/** @returns undefined when another relay has locked the file */
function lockFile(path: string): DatabaseSync | undefined {
  const lock = new (loadSqlite().DatabaseSync)(path, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}
