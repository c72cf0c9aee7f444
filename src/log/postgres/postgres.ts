import type { Pool, PoolConfig } from "pg";
import { passwordIn, poolOf, reasonOf } from "../../database/database.ts";
import type { LogRecord } from "../record.ts";
import type { MessageSink } from "../sink.ts";
import { applyChange, changeValues, isChange, isData, unlessChanged } from "../sql/changes.ts";
import type { Dialect } from "../sql/conditions.ts";
import { type AnswerRow, SEARCH_MS, searchMessages } from "../sql/search.ts";
import { MESSAGES, namesOf, OUTCOMES, type Row, rowOf, type Table, type Value } from "../sql/tables.ts";
import { isRefusal, queryError } from "./errors.ts";
import { insertInHalves } from "./halves.ts";
import { begin, needsLock } from "./locks.ts";
import { prepareTables } from "./prepare.ts";

/** Timeouts. A server that is there and silent counts as failed. */
const CONNECT_MS = 5_000;
const WRITE_MS = 30_000;

/** Records of a step of a deletion. */
const STEP = 1_000;

const POSTGRES: Dialect = {
  placeholder: (number) => `$${number}`,
  // LIKE, because an index of trigrams (pg_trgm) serves it.
  contains: (expression, placeholder) => `${expression} LIKE ${placeholder}`,
  pattern: (text) => `%${text.replace(/[\\%_]/g, "\\$&")}%`,
};

/**
 * Makes a sink that writes to PostgreSQL, by the package `pg`. It makes its tables where they are missing. The nodes of a cluster
 * share one database.
 * @param url `postgres://user:password@host:5432/database`, with the parameters of `pg` such as `sslmode`
 * @throws TidingsError `bad_request` without the package `pg`, or for a URL that it does not take
 */
export function postgresSink(url: string): MessageSink {
  return new PostgresSink(url);
}

class PostgresSink implements MessageSink {
  readonly #writes: Pool;
  /** Searches, which must not keep writes waiting. */
  readonly #searches: Pool;
  readonly #password: string;
  /** True once the tables are known to be there, until a query fails. */
  #isPrepared = false;

  constructor(url: string) {
    const pool = (most: number, timeouts: PoolConfig): Pool =>
      poolOf("messageLog", {
        ...{ connectionString: url, max: most, connectionTimeoutMillis: CONNECT_MS, keepAlive: true },
        ...{ application_name: "tidings message log", allowExitOnIdle: true, ...timeouts },
      });
    this.#password = passwordIn(url);
    this.#writes = pool(1, { query_timeout: WRITE_MS });
    this.#searches = pool(2, { statement_timeout: SEARCH_MS, query_timeout: 2 * SEARCH_MS });
  }

  async write(
    records: readonly LogRecord[],
    refuse: (record: LogRecord, reason: string) => void,
  ): Promise<void> {
    await this.#guarded(async () => {
      const insert = (some: readonly LogRecord[]): Promise<void> => this.#insert(some);
      await insertInHalves(records, insert, isRefusal, (record, error) =>
        refuse(record, reasonOf(error, this.#password)),
      );
    });
  }

  async search(query: Parameters<NonNullable<MessageSink["search"]>>[0]) {
    const run = async (sql: string, values: readonly Value[]): Promise<readonly AnswerRow[]> =>
      (await this.#searches.query<AnswerRow>(sql, [...values])).rows;
    return this.#guarded(() => searchMessages(run, POSTGRES, query));
  }

  async expire(before: number): Promise<number> {
    return this.#guarded(async () => {
      const messages = await this.#writes.query(deleteFrom(MESSAGES, "sent_at"), [before]);
      const outcomes = await this.#writes.query(deleteFrom(OUTCOMES, "happened_at"), [before]);
      return (messages.rowCount ?? 0) + (outcomes.rowCount ?? 0);
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#writes.end(), this.#searches.end()]);
  }

  async #guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      if (!this.#isPrepared) await prepareTables(this.#writes);
      this.#isPrepared = true;
      return await work();
    } catch (error) {
      this.#isPrepared = false;
      throw queryError(error, this.#password);
    }
  }

  async #insert(records: readonly LogRecord[]): Promise<void> {
    if (!records.some(needsLock)) return insertRows(this.#writes, records);
    const client = await this.#writes.connect();
    let isBroken = false;
    try {
      // In one transaction: a deletion that is recorded, and text that stays, would be nobody's fault any more.
      await client.query(begin(records));
      await insertRows(client, records);
      for (const record of records.filter(isChange)) await client.query(APPLY, changeValues(record));
      await client.query("COMMIT");
    } catch (error) {
      // The first error says more. A connection that may still be in the transaction is not used again.
      isBroken = await client.query("ROLLBACK").then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      client.release(isBroken);
    }
  }
}

async function insertRows(writes: Pick<Pool, "query">, records: readonly LogRecord[]): Promise<void> {
  const rows = Map.groupBy(records.map(rowOf), ({ table }) => table);
  for (const [table, some] of rows) {
    // Without a name for the statement, because poolers such as PgBouncer may not keep one.
    await writes.query(INSERTS.get(table) ?? "", columnsOf(table, some));
  }
}

/** Turns rows into a list for each column, as `unnest` takes them: one statement serves batches of any length. */
const columnsOf = (table: Table, rows: readonly { readonly row: Row }[]): Value[][] =>
  namesOf(table).map((_, column) => rows.map(({ row }) => row[column] ?? null));

const INSERTS = new Map([MESSAGES, OUTCOMES].map((table) => [table, insertInto(table)]));

function insertInto(table: Table): string {
  const names = namesOf(table);
  const lists = Object.values(table.columns).map((type, index) => `$${index + 1}::${type}[]`);
  const values = names.map((name) => (isData(table, name) ? unlessChanged("given.id", name) : name));
  return (
    `INSERT INTO ${table.name} (${names.join(", ")}) SELECT ${values.join(", ")} ` +
    `FROM unnest(${lists.join(", ")}) AS given(${names.join(", ")}) ON CONFLICT (id) DO NOTHING`
  );
}

const APPLY = applyChange((number) => `$${number}`);

/** Nodes that expire at the same time take different rows. */
const deleteFrom = ({ name }: Table, time: string): string =>
  `DELETE FROM ${name} WHERE id IN (SELECT id FROM ${name} WHERE ${time} < $1 ORDER BY ${time} LIMIT ${STEP} FOR UPDATE SKIP LOCKED)`;
