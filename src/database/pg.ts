import { createRequire } from "node:module";
import type { Pool, PoolConfig } from "pg";
import { TidingsError } from "../protocol/protocol.ts";

/**
 * Loads the client of PostgreSQL, which is an optional dependency, only for those who use it.
 * @param what the setting or option that asks for it
 * @throws TidingsError `bad_request` without the package `pg`
 */
export function loadPg(what: string): typeof import("pg") {
  try {
    return createRequire(import.meta.url)("pg") as typeof import("pg"); // it is the package of these types
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new TidingsError("bad_request", `${what}: PostgreSQL needs the package pg: npm install pg`);
  }
}

/**
 * Makes a pool of connections whose loss is an error of the query that needs one, and nothing else.
 * @param what the setting or option that asks for it
 * @throws TidingsError `bad_request` without the package `pg`, and for a URL that it does not take
 */
export function poolOf(what: string, config: PoolConfig): Pool {
  const { Pool } = loadPg(what);
  const ignore = (): void => undefined;
  // A connection may end while it is idle, and while somebody holds it between two queries. Without listeners for both the process would
  // end; the next query fails, or has another connection.
  return new Pool(config).on("error", ignore).on("connect", (client) => client.on("error", ignore));
}

/** The password in the address of a database; empty without one. */
export function passwordIn(url: string): string {
  try {
    return decodeURIComponent(new URL(url).password);
  } catch {
    return "";
  }
}
