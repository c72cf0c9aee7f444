import { type Dialect, PostgresDialect } from "kysely";
import type { CustomTypesConfig } from "pg";
import { loadPg, poolOf } from "../../database/database.ts";

const CONNECT_MS = 5_000;
/** A server that is there and silent counts as failed. */
const QUERY_MS = 10_000;
/** Connections of a node. */
const MOST_CONNECTIONS = 10;

/** Object id of the type BIGINT, which `pg` reads as text: times and offsets are safe integers. */
const BIGINT = 20;

/**
 * Makes the dialect of a PostgreSQL, over the package `pg`.
 * @throws TidingsError `bad_request` without that package
 */
export function postgresDialect(url: string): Dialect {
  const { types } = loadPg("chat.database");
  const parsers: CustomTypesConfig = {
    // The overloads of `pg` differ in the form of what they return.
    getTypeParser: ((id: number, format?: "text") =>
      id === BIGINT ? Number : types.getTypeParser(id, format)) as CustomTypesConfig["getTypeParser"],
  };
  const pool = poolOf("chat.database", {
    ...{ connectionString: url, max: MOST_CONNECTIONS, connectionTimeoutMillis: CONNECT_MS, keepAlive: true },
    ...{ query_timeout: QUERY_MS, application_name: "tidings chat", allowExitOnIdle: true, types: parsers },
  });
  return new PostgresDialect({ pool });
}
