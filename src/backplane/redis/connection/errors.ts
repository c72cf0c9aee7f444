import { ReplyError } from "ioredis";
import { TidingsError } from "../../../protocol/protocol.ts";
import { FENCED } from "./script.ts";

/** Replies that say that Redis cannot do it now; any other error reply is a mistake of ours. */
const AWAY_REPLY =
  /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|OOM|NOREPLICAS|BUSY|MISCONF)/;

/**
 * What a failed command means: `unavailable` when Redis cannot do it now or was not reached, `internal` when it never will. Without the
 * cause: the client's errors carry the command, messages and all, which must not get into a log.
 */
export function failureOf(what: string, cause: unknown): TidingsError {
  if (cause instanceof TidingsError) return cause;
  const text = textOf(cause);
  const isReply = cause instanceof ReplyError;
  if (isReply && !text.includes(FENCED) && !AWAY_REPLY.test(text)) {
    return new TidingsError("internal", `${what} failed in Redis: ${text}`);
  }
  return new TidingsError("unavailable", `Redis is away: ${text}`);
}

function textOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // It was under way when the connection ended (clients.ts); the client's text is about that setting.
  return cause.name === "MaxRetriesPerRequestError" ? "the connection has ended" : cause.message;
}
