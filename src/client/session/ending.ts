import { type ErrorCode, shouldReconnect, TidingsError } from "../../protocol/protocol.ts";

/** Close codes for credentials that are not valid, or no longer or not yet. */
export const REFUSED = 4500;
export const EXPIRED = 4005;

/** Error codes by the close code that ended the session for good, from 4500. */
const CODES: readonly ErrorCode[] = [
  "unauthorized",
  "kicked",
  "replaced",
  "limit",
  "refused",
  "bad_request",
  "blocked",
];

/** Error codes of a login after which the client tries again, by their close code from 4005. Others have 4004. */
const RETRIED: readonly ErrorCode[] = ["token_expired", "rate_limited"];

/**
 * The close code of a login that was refused with this error. The server closes with it after its reply, for which the
 * client does not wait.
 */
export function closeCodeOf(code: ErrorCode): number {
  const index = CODES.indexOf(code === "forbidden" ? "refused" : code);
  return index < 0 ? EXPIRED + RETRIED.indexOf(code) : REFUSED + index;
}

/** The error of pending and later calls when the session is over. Only trouble with the network is `unavailable`. */
export function endedBy(code: number, reason: string): TidingsError {
  const other = shouldReconnect(code) ? "unavailable" : "bad_request";
  const known = code === EXPIRED ? "unauthorized" : (CODES[code - REFUSED] ?? other);
  return new TidingsError(known, `the session is over: ${code} ${reason}`);
}
