import type { Pool, PoolClient } from "pg";
import { TidingsError } from "../../protocol/protocol.ts";
import { MESSAGES, OUTCOMES, schema, VERSION, VERSION_TABLE } from "../sql/tables.ts";

/** Name of the lock under which one node at a time makes the tables: an arbitrary number. */
const LOCK = 7_431_165_502;

/**
 * Makes the tables where they are missing. A role that may only use them is enough afterwards.
 * @throws TidingsError `unavailable` when they are of a newer version
 */
export async function prepareTables(pool: Pool): Promise<void> {
  if (await hasTables(pool)) return assertVersion(pool);
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    if (!(await hasTables(client))) await makeTables(client);
    await client.query("COMMIT");
    client.release();
  } catch (error) {
    client.release(true); // ends the connection, and with it the transaction
    throw error;
  }
}

async function hasTables(client: Pool | PoolClient): Promise<boolean> {
  const names = [VERSION_TABLE, MESSAGES.name, OUTCOMES.name];
  const { rows } = await client.query<{ found: string }>(
    "SELECT count(to_regclass(name)) AS found FROM unnest($1::text[]) AS name",
    [names],
  );
  return Number(rows[0]?.found) === names.length;
}

async function makeTables(client: PoolClient): Promise<void> {
  for (const statement of schema('"C"')) await client.query(statement);
  await client.query(
    `INSERT INTO ${VERSION_TABLE} SELECT $1 WHERE NOT EXISTS (SELECT FROM ${VERSION_TABLE})`,
    [VERSION],
  );
}

async function assertVersion(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ version: string }>(
    `SELECT max(version) AS version FROM ${VERSION_TABLE}`,
  );
  if (Number(rows[0]?.version) <= VERSION) return;
  const text = `message log: the tables have version ${rows[0]?.version}, and this release knows ${VERSION}`;
  throw new TidingsError("unavailable", text);
}
