import { reasonOf, stateOf } from "../../database/database.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import { TOO_LONG } from "../sql/search.ts";

/** SQLSTATE of a query that `statement_timeout` has ended. */
const CANCELED = "57014";

/**
 * Classes of SQLSTATE that are about the values of a row: data exception, integrity constraint violation, program limit exceeded
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html). Everything else may pass, or is the operator's to mend.
 */
const REFUSALS = ["22", "23", "54"];

/** Tells whether some row of an insert can never be stored. A batch that is too long for a text of JavaScript counts as well. */
export const isRefusal = (cause: unknown): boolean =>
  cause instanceof RangeError ||
  (/^[0-9A-Z]{5}$/.test(stateOf(cause)) && REFUSALS.includes(stateOf(cause).slice(0, 2)));

/**
 * Makes the error of a failed query. It does not carry the cause: errors of the client hold the values of rows, and the address with
 * its password.
 */
export function queryError(cause: unknown, password: string): TidingsError {
  if (cause instanceof TidingsError) return cause;
  if (stateOf(cause) === CANCELED) return new TidingsError("timeout", TOO_LONG);
  return new TidingsError("unavailable", `message log: PostgreSQL failed: ${reasonOf(cause, password)}`);
}
