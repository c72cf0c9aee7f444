import type { Client } from "pg";
import { loadPg, passwordIn, reasonOf, stateOf } from "../../database/database.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import type { Backlog } from "../backlog.ts";
import type { OutboxRow, RowName } from "../row.ts";
import { TABLE } from "../schema.ts";
import type { OutboxStore, Refusal } from "./port.ts";
import { selectRows } from "./statements.ts";

const CONNECT_MS = 5_000;
/** A server that is there and silent counts as failed. */
const QUERY_MS = 10_000;

/** First number of the advisory lock: an arbitrary one. The second one stands for the table, as schemas may have one each. */
const LOCK = 743_116_551;

const SELECT = selectRows("data::text", "channel = ANY($1::text[])");

const SETTLE = `
  WITH gone AS (
    DELETE FROM ${TABLE} USING unnest($1::bigint[], $2::text[]) AS done (id, key)
    WHERE ${TABLE}.id = done.id AND ${TABLE}.key = done.key
  )
  UPDATE ${TABLE} SET failed_at = now(), failure = refused.reason
  FROM unnest($3::bigint[], $4::text[], $5::text[]) AS refused (id, key, reason)
  WHERE ${TABLE}.id = refused.id AND ${TABLE}.key = refused.key`;

const BACKLOG = `
  SELECT (SELECT count(*) FROM ${TABLE} WHERE failed_at IS NULL)::float8 AS waiting,
    (SELECT count(*) FROM ${TABLE} WHERE failed_at IS NOT NULL)::float8 AS failed,
    coalesce((
      SELECT extract(epoch FROM clock_timestamp() - created_at) * 1000
      FROM ${TABLE} WHERE failed_at IS NULL ORDER BY id LIMIT 1
    ), 0)::float8 AS age`;

/** A machine that vanished holds its lock until the server notices: within a minute, and not within the two hours of the system. */
const KEEPALIVE =
  "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";

/**
 * The outbox in PostgreSQL, over one connection. One relay at a time has it: the one whose session has the advisory lock. So reads and
 * deletions need no locks of rows. The lock goes with the connection.
 */
export class PostgresStore implements OutboxStore {
  readonly #url: string;
  readonly #password: string;
  readonly #pg: typeof import("pg");
  /** The one connection, made by the first step that needs it. */
  #connection: Promise<Client> | undefined;
  /** The client whose session has the lock. */
  #locking: Client | undefined;
  #isNotified = false;
  /** Ends a wait. */
  #wakeUp: (() => void) | undefined;

  /** @throws TidingsError `bad_request` without the package `pg` */
  constructor(url: string) {
    this.#url = url;
    this.#password = passwordIn(url);
    this.#pg = loadPg("createRelay");
  }

  read(without: readonly string[]): Promise<readonly OutboxRow[] | undefined> {
    return this.#run(async (client) => {
      this.#isNotified = false;
      if (this.#locking !== client && !(await lockTable(client))) return undefined;
      this.#locking = client;
      return (await client.query<OutboxRow>(SELECT, [without])).rows;
    });
  }

  async settle(published: readonly RowName[], failed: readonly Refusal[]): Promise<void> {
    const names = [...columnsOf(published), ...columnsOf(failed)];
    const reasons = failed.map(({ reason }) => storable(reason));
    await this.#run((client) => client.query(SETTLE, [...names, reasons]));
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#isNotified || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wakeUp = (): void => resolve();
    const timer = setTimeout(wakeUp, ms);
    signal.addEventListener("abort", wakeUp);
    this.#wakeUp = wakeUp;
    await promise;
    signal.removeEventListener("abort", wakeUp);
    clearTimeout(timer);
  }

  backlog(): Promise<Backlog> {
    return this.#run(async (client) => {
      const { rows } = await client.query<{ waiting: number; failed: number; age: number }>(BACKLOG);
      const { waiting = 0, failed = 0, age = 0 } = rows[0] ?? {};
      return { waiting, failed, oldestMs: Math.max(0, Math.round(age)) };
    });
  }

  async close(): Promise<void> {
    if (this.#connection !== undefined) await this.#drop(this.#connection);
  }

  /** Runs a step. After a failure the next one has a connection of its own, and needs the lock again. */
  async #run<Result>(step: (client: Client) => Promise<Result>): Promise<Result> {
    this.#connection ??= this.#connect();
    const connection = this.#connection;
    try {
      return await step(await connection);
    } catch (error) {
      await this.#drop(connection);
      const hint = stateOf(error) === UNDEFINED_TABLE ? ': make it with outboxSchema("postgres")' : "";
      throw new TidingsError(
        "unavailable",
        `outbox: PostgreSQL failed: ${reasonOf(error, this.#password)}${hint}`,
      );
    }
  }

  async #connect(): Promise<Client> {
    const client = new this.#pg.Client({
      ...{ connectionString: this.#url, connectionTimeoutMillis: CONNECT_MS, keepAlive: true },
      ...{ query_timeout: QUERY_MS, statement_timeout: QUERY_MS, application_name: "tidings outbox" },
    });
    // The next step fails, and the one after it connects again; without a listener the process would end.
    client.on("error", () => this.#wake());
    client.on("notification", () => this.#wake());
    try {
      await client.connect();
      await client.query(KEEPALIVE);
      await client.query(`LISTEN ${TABLE}`);
      return client;
    } catch (error) {
      await end(client);
      throw error;
    }
  }

  async #drop(connection: Promise<Client>): Promise<void> {
    if (this.#connection === connection) this.#connection = undefined;
    const client = await connection.catch(() => undefined);
    if (client !== undefined) await end(client);
  }

  #wake(): void {
    this.#isNotified = true;
    this.#wakeUp?.();
  }
}

/** SQLSTATE of a table that is not there. */
const UNDEFINED_TABLE = "42P01";

/** @returns false while another session has the lock */
async function lockTable(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock($1, ('${TABLE}'::regclass::oid::bigint - 2147483648)::int) AS locked`,
    [LOCK],
  );
  return rows[0]?.locked === true;
}

const columnsOf = (rows: readonly RowName[]): [ids: string[], keys: string[]] => [
  rows.map(({ id }) => id),
  rows.map(({ key }) => key),
];

/** PostgreSQL stores no zero in a text. */
const storable = (text: string): string => text.replaceAll("\0", "").toWellFormed();

/** Ends a connection without waiting for a server that is silent. */
async function end(client: Client): Promise<void> {
  const ended = client.end().catch(() => undefined);
  const overdue = new Promise<void>((resolve) => setTimeout(resolve, 1_000).unref());
  await Promise.race([ended, overdue]);
}
