import type { ErrorCode, Status, TidingsError } from "../../client/client.ts";
import type { Failure } from "../bus.ts";

/** Close codes from 4500 by the error that ended the client, as the SDK of a tab reads them. */
const FINAL: readonly ErrorCode[] = [
  "unauthorized",
  "kicked",
  "replaced",
  "limit",
  "refused",
  "bad_request",
  "blocked",
];

/** The first close code after which a client does not connect again. */
export const FIRST_FINAL = 4500;

/** Close code of a connection that ended without a close frame. */
export const NO_CLOSE_FRAME = 1006;

/** Close code that tells the SDK of a tab why the session is over. Other errors end a client only when it gives up. */
export const finalCode = (code: ErrorCode): number =>
  FIRST_FINAL + FINAL.indexOf(FINAL.includes(code) ? code : "refused");

function failureOf(error: unknown): Failure {
  const { code = "internal", message = String(error) } = error as Partial<TidingsError>;
  return { code, message };
}

/** A frame by which the SDK of a tab emits a status of the host's client; undefined for those that a tab has of its own. */
export function frameOfStatus(status: Status): object | undefined {
  // An error frame that answers no call.
  if (status.type === "error") return { error: failureOf(status.error) };
  if (status.type !== "notice" && status.type !== "acked" && status.type !== "room") return undefined;
  // A tab connects again at once: the host itself waits.
  const { type: event, reconnectMs: _, ...fields } = { reconnectMs: 0, ...status };
  return { event, ...fields };
}
