import { type BigIntStats, rmSync, statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { makeFile } from "../../database/database.ts";
import type { LogRecord } from "../record.ts";
import { applyChange, changeValues, isChange, isData, unlessChanged } from "../sql/changes.ts";
import type { AnswerRow } from "../sql/search.ts";
import {
  MESSAGES,
  namesOf,
  OUTCOMES,
  rowOf,
  schema,
  type Table,
  type Value,
  VERSION,
  VERSION_TABLE,
} from "../sql/tables.ts";
import type { Answers } from "./request.ts";

/** Time for which a database waits for another process that writes. */
const BUSY_MS = 10_000;

/** Records of a step of a deletion. Other records wait meanwhile. */
const STEP = 1_000;

/** Result codes of rows that SQLite can never store (https://sqlite.org/rescode.html): too big, constraint, mismatch. */
const REFUSALS = [18, 19, 20];

/** A search took longer than its time. */
export class TooLong extends Error {}

/** The database of a message log, in the thread that has it. */
export class LogDatabase {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #isReader: boolean;
  readonly #file: BigIntStats | undefined;
  readonly #inserts = new Map<Table, StatementSync>();
  #apply: StatementSync | undefined;
  #deadline = 0;

  /** @throws Error when the file cannot be opened, is no database, or is of a newer version */
  constructor(path: string, isReader: boolean) {
    if (!isReader) makeFile(path);
    this.#database = new DatabaseSync(path, { readOnly: isReader, timeout: BUSY_MS });
    try {
      if (isReader) this.#limitTime();
      else this.#prepare();
    } catch (error) {
      this.#database.close();
      throw error;
    }
    this.#path = path;
    this.#isReader = isReader;
    this.#file = statOf(path);
  }

  /**
   * True when the file was removed or replaced, by a rotation of logs for instance: nobody would find what is written into it from now on. For a
   * reader it is there until another one is in its place.
   */
  get isGone(): boolean {
    const found = statOf(this.#path);
    if (found === undefined) return !this.#isReader;
    return found.ino !== this.#file?.ino || found.dev !== this.#file?.dev;
  }

  /**
   * Closes a file that is gone. Whoever has moved it finds everything in it: SQLite would leave the latest beside a file that has moved.
   * @returns false while another process reads the file: then it stays open, and takes further records
   */
  leave(): boolean {
    if (!this.#isReader) {
      const [state] = this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
      if (state?.busy !== 0) return false;
    }
    this.#database.close();
    // Both files belong to the database that was moved, and are empty after the checkpoint. A new database must not begin with them.
    if (!this.#isReader && statOf(this.#path) === undefined)
      for (const ending of ["-wal", "-shm"]) rmSync(this.#path + ending, { force: true });
    return true;
  }

  /** Inserts records in one transaction. Those that are there already stay as they are. */
  write(records: readonly LogRecord[]): Answers["write"] {
    const refused: [number, string][] = [];
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const [place, record] of records.entries()) {
        const reason = this.#insert(record);
        if (reason !== undefined) refused.push([place, reason]);
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#rollBack();
      throw error;
    }
    return refused;
  }

  /** @throws TooLong when it takes longer than `limitMs` */
  query(sql: string, values: readonly Value[], limitMs: number): readonly AnswerRow[] {
    this.#deadline = performance.now() + limitMs;
    return this.#database.prepare(sql).all(...values) as unknown as AnswerRow[]; // columns hold these values only
  }

  /** Deletes some of the oldest records before a time. @returns their number */
  expire(before: number): number {
    return this.#deleteFrom(MESSAGES, "sent_at", before) + this.#deleteFrom(OUTCOMES, "happened_at", before);
  }

  close(): void {
    this.#database.close();
  }

  #prepare(): void {
    // With NORMAL a crash of the system may cost the last records, and never the file. Each commit is then without a wait for the disk.
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE");
    for (const statement of schema("BINARY")) this.#database.exec(statement);
    const [row] = this.#database.prepare(`SELECT max(version) AS version FROM ${VERSION_TABLE}`).all();
    const version = row?.version ?? undefined;
    if (version === undefined) this.#database.exec(`INSERT INTO ${VERSION_TABLE} VALUES (${VERSION})`);
    this.#database.exec("COMMIT");
    if (version !== undefined && Number(version) > VERSION) {
      throw new Error(`it has version ${version} of the message log, and this release knows ${VERSION}`);
    }
    for (const table of [MESSAGES, OUTCOMES])
      this.#inserts.set(table, this.#database.prepare(insertInto(table)));
    this.#apply = this.#database.prepare(applyChange((number) => `?${number}`));
  }

  /** Gives queries a function that ends them after their time. SQLite calls it for each row that it looks at. */
  #limitTime(): void {
    this.#database.function("in_time", (_row) => {
      if (performance.now() > this.#deadline) throw new TooLong();
      return 1;
    });
  }

  /** @returns the reason when it can never be stored */
  #insert(record: LogRecord): string | undefined {
    const { table, row } = rowOf(record);
    try {
      this.#inserts.get(table)?.run(...row);
      if (isChange(record)) this.#apply?.run(...changeValues(record));
      return undefined;
    } catch (error) {
      const { errcode, message } = error as Error & { readonly errcode?: number };
      if (errcode !== undefined && !REFUSALS.includes(errcode & 0xff)) throw error;
      return message;
    }
  }

  #deleteFrom({ name }: Table, time: string, before: number): number {
    const oldest = `SELECT id FROM ${name} WHERE ${time} < ? ORDER BY ${time} LIMIT ${STEP}`;
    return Number(this.#database.prepare(`DELETE FROM ${name} WHERE id IN (${oldest})`).run(before).changes);
  }

  /** After some errors, a full disk among them, SQLite has rolled back already. */
  #rollBack(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }
}

const statOf = (path: string): BigIntStats | undefined =>
  statSync(path, { bigint: true, throwIfNoEntry: false });

function insertInto(table: Table): string {
  const names = namesOf(table);
  const at = (name: string): string => `?${names.indexOf(name) + 1}`;
  const values = names.map((name) => (isData(table, name) ? unlessChanged(at("id"), at(name)) : at(name)));
  return `INSERT INTO ${table.name} (${names.join(", ")}) VALUES (${values.join(", ")}) ON CONFLICT (id) DO NOTHING`;
}
