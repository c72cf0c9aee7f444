import { type ErrorCode, shouldReconnect, TidingsError } from "../../protocol/protocol.ts";

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

/** The error of pending and later calls when the session is over. Only trouble with the network is `unavailable`. */
export function endedBy(code: number, reason: string): TidingsError {
  const other = shouldReconnect(code) ? "unavailable" : "bad_request";
  const known = code === 4005 ? "unauthorized" : (CODES[code - 4500] ?? other);
  return new TidingsError(known, `the session is over: ${code} ${reason}`);
}
