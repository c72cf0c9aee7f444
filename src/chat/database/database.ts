import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, sql, type Transaction } from "kysely";
import { passwordIn, reasonOf, stateOf } from "../../database/database.ts";
import { TidingsError } from "../../index.ts";
import { backoff } from "../../protocol/protocol.ts";
import { FileWatch } from "./file-watch.ts";
import { migrate } from "./migrations.ts";
import { postgresDialect } from "./postgres.ts";
import { MEMORY, sqliteDialect } from "./sqlite.ts";
import type { Tables } from "./tables.ts";

export type {
  AccountTable,
  Announce,
  GroupKind,
  GroupTable,
  MemberTable,
  Role,
  Tables,
} from "./tables.ts";
export { folded } from "./tables.ts";

/** The database, or a transaction in it. */
export type Queries = Kysely<Tables>;

/** Attempts of a transaction that PostgreSQL ends because of another one. */
const ATTEMPTS = 5;

/** Begins the numbers of the chat's locks: an arbitrary number, which others in the database do not have. */
const CHAT_LOCKS = 744_631;

/** Time between two reports of an outage. */
const REPORT_MS = 10_000;

/** Delays between the attempts to prepare a database that is not there yet. */
const DELAYS = { minMs: 100, maxMs: 5_000 };

type Report = (stage: string, error: unknown) => void;

/** SQLSTATE: serialization failure, deadlock. */
const CONFLICTS: readonly string[] = ["40001", "40P01"];

/**
 * Failures that every further attempt would repeat: classes of SQLSTATE about the login (28), the name of the database (3D) and rights (42), and
 * what the client says of a missing password.
 */
const isFinal = (error: unknown): boolean =>
  /^(?:28|3D|42)/.test(stateOf(error)) || (error instanceof Error && error.message.startsWith("SASL"));

/** The tables of the chat: SQLite or PostgreSQL, by one implementation. */
export class Database {
  /** Runs single queries. */
  readonly queries: Queries;
  /** Resolves when the tables are there, in the version of this release. */
  readonly ready: Promise<void>;
  readonly #closing = new AbortController();
  /** The last attempt to bring the tables to the version of this release. */
  #attempt: Promise<void>;
  #isAway = false;
  readonly #isPostgres: boolean;
  readonly #password: string;
  readonly #watch: FileWatch | undefined;
  readonly #report: Report;
  #reportedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param target `postgres://…`, or `sqlite:<file>`
   * @param report called with failures, at most every ten seconds
   * @param waits true: a PostgreSQL that does not answer yet is waited for
   * @throws TidingsError `bad_request` when it cannot be opened
   */
  constructor(target: string, report: Report = () => undefined, waits = false) {
    this.#report = report;
    const isPostgres = /^postgres(?:ql)?:/.test(target);
    this.#isPostgres = isPostgres;
    this.#password = isPostgres ? passwordIn(target) : "";
    const path = target.replace(/^sqlite:/, "");
    this.queries = new Kysely<Tables>({
      dialect: isPostgres ? postgresDialect(target) : sqliteDialect(path),
    });
    const isFile = !isPostgres && path !== MEMORY;
    this.#watch = isFile ? new FileWatch(path, (error) => this.#tell(error)) : undefined;
    this.#attempt = this.#prepare();
    this.ready = waits && isPostgres ? this.#prepareUntilThere() : this.#attempt;
    this.ready.catch(() => undefined); // the chat awaits it
  }

  /** Resolves when the tables are there. Rejects, in place of waiting longer, when the last attempt to reach them has failed. */
  prepared(): Promise<void> {
    return this.#attempt;
  }

  async #prepare(): Promise<void> {
    try {
      await migrate(this.queries, this.#isPostgres);
    } catch (error) {
      if (error instanceof TidingsError || isMistake(error)) throw error;
      this.#isAway = !isFinal(error);
      this.#tell(error);
      throw new TidingsError("unavailable", `chat.database: ${reasonOf(error, this.#password)}`);
    }
  }

  async #prepareUntilThere(): Promise<void> {
    const { signal } = this.#closing;
    for (let failures = 0; ; failures++) {
      try {
        return await this.#attempt;
      } catch (error) {
        if (!this.#isAway) throw error;
        await sleep(backoff(failures, DELAYS), undefined, { signal }).catch(() => {
          throw error;
        });
        this.#isAway = false;
        this.#attempt = this.#prepare();
        this.#attempt.catch(() => undefined);
      }
    }
  }

  /**
   * Milliseconds since 1970, by the clock of the database. Times that end something are compared with it alone: the clocks of the nodes that
   * share the database may differ. A file of SQLite has the clock of its machine.
   */
  async now(queries: Queries = this.queries): Promise<number> {
    if (!this.#isPostgres) return Date.now();
    const { rows } = await sql<{
      now: number;
    }>`SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`.execute(queries);
    return Number(rows[0]?.now);
  }

  /** Runs queries whose failures are those of the database. @throws TidingsError `unavailable`, without secrets */
  async guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof TidingsError || isMistake(error)) throw error;
      this.#tell(error);
      throw new TidingsError("unavailable", "the chat's database does not answer now: try again");
    }
  }

  /** Runs changes that are made together or not at all. They may run several times. */
  async change<Result>(work: (queries: Transaction<Tables>) => Promise<Result>): Promise<Result> {
    return this.guarded(async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.queries.transaction().execute(work);
        } catch (error) {
          if (attempt === ATTEMPTS || !CONFLICTS.includes(stateOf(error))) throw error;
        }
      }
    });
  }

  /** Orders transactions that take locks of the same name: the later one sees what the earlier one has changed. */
  async lock(queries: Transaction<Tables>, name: string): Promise<void> {
    // SQLite runs one transaction at a time.
    if (this.#isPostgres)
      await sql`SELECT pg_advisory_xact_lock(${CHAT_LOCKS}, hashtext(${name}))`.execute(queries);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#watch?.stop();
    await this.ready.catch(() => undefined);
    await this.queries.destroy();
  }

  /** Users learn nothing of the database; its operator does. */
  #tell(error: unknown): void {
    const now = performance.now();
    if (now - this.#reportedAt < REPORT_MS) return;
    this.#reportedAt = now;
    this.#report("database", new Error(reasonOf(error, this.#password)));
  }
}

/** Tells a fault of this program from one of the database. */
const isMistake = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;

/** True for the error of a value that must be unique and is not. */
export const isDuplicate = (error: unknown): boolean =>
  stateOf(error) === "23505" || (error instanceof Error && /UNIQUE constraint failed/.test(error.message));
