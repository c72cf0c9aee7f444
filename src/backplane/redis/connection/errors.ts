import { ReplyError } from "ioredis";
import { TidingsError } from "../../../protocol/protocol.ts";
import { FENCED } from "./script.ts";

/** Error replies of a Redis that cannot run the command now. Any other error reply is a mistake in this code. */
const UNAVAILABLE_REPLY =
  /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|OOM|NOREPLICAS|BUSY|MISCONF)/;

/**
 * Turns the cause of a failed command into an error: `unavailable` when Redis was not reached or cannot run it now, `internal` when it never
 * will. The error does not carry the cause: errors of the client library hold the command with its messages, which must not get into a log.
 */
export function commandError(what: string, cause: unknown): TidingsError {
  if (cause instanceof TidingsError) return cause;
  const text = textOf(cause);
  const isReply = cause instanceof ReplyError;
  if (isReply && !text.includes(FENCED) && !UNAVAILABLE_REPLY.test(text)) {
    return new TidingsError("internal", `${what} failed in Redis: ${text}`);
  }
  return new TidingsError("unavailable", `Redis is unavailable: ${text}`);
}

function textOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // The connection ended while the command was in flight. The text of the library is about `maxRetriesPerRequest` (clients.ts).
  return cause.name === "MaxRetriesPerRequestError" ? "the connection has ended" : cause.message;
}
