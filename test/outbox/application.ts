import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { onTestFinished } from "vitest";
import { outboxSchema } from "../../src/outbox/outbox.ts";

type Value = string | number | null;

/** A message that an application writes within its transaction. */
export interface Written {
  readonly channel: string;
  readonly type?: string;
  /** JSON. */
  readonly data?: string;
}

/** An application with an outbox in its database. */
export interface Application {
  /** As `createRelay` takes it. */
  readonly database: string;
  /** Runs a statement, or some without values. */
  run(sql: string, values?: readonly Value[]): Promise<readonly Record<string, unknown>[]>;
}

const INSERT = "INSERT INTO tidings_outbox (channel, type, data) VALUES ($1, $2, $3)";

/** Writes messages in one transaction. @param end `ROLLBACK` takes all of it back. @default "COMMIT" */
export async function write(
  application: Application,
  messages: readonly Written[],
  end: "COMMIT" | "ROLLBACK" = "COMMIT",
): Promise<void> {
  await application.run("BEGIN");
  for (const { channel, type = "test", data = null } of messages)
    await application.run(INSERT, [channel, type, data]);
  await application.run(end);
}

/** Messages to some groups in turns, with a number in each. */
export const numbered = (count: number, groups: number, from = 0): Written[] =>
  Array.from({ length: count }, (_, index) => ({
    channel: `group:g${(from + index) % groups}`,
    data: String(from + index),
  }));

/** Number of rows in the outbox. */
export async function rowsIn(application: Application): Promise<number> {
  const [row] = await application.run("SELECT count(*) AS n FROM tidings_outbox");
  return Number(row?.n);
}

/** An application on a SQLite file of its own. */
export async function sqliteApplication(schema = outboxSchema("sqlite")): Promise<Application> {
  const directory = mkdtempSync(join(tmpdir(), "tidings-outbox-"));
  const path = join(directory, "application.db");
  const database = new DatabaseSync(path, { timeout: 60_000 });
  onTestFinished(() => {
    database.close();
    rmSync(directory, { recursive: true, force: true });
  });
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${schema}`);
  return {
    database: `sqlite:${path}`,
    async run(sql, values) {
      if (values !== undefined) return database.prepare(sql.replaceAll("$", "?")).all(...values);
      if (/^\s*SELECT/.test(sql)) return database.prepare(sql).all();
      database.exec(sql);
      return [];
    },
  };
}

/** An application on a database of PostgreSQL. Its connection is a new one after a failure. */
export async function postgresApplication(
  url: string,
  schema = outboxSchema("postgres"),
): Promise<Application> {
  let client: pg.Client | undefined;
  const connected = async (): Promise<pg.Client> => {
    if (client !== undefined) return client;
    const made = new pg.Client({ connectionString: url });
    made.on("error", () => {
      client = undefined;
    });
    await made.connect();
    client = made;
    return made;
  };
  const run: Application["run"] = async (sql, values) =>
    (await (await connected()).query<Record<string, unknown>>(sql, values && [...values])).rows;
  onTestFinished(() => client?.end());
  if (schema !== "") await run(schema);
  return { database: url, run };
}
