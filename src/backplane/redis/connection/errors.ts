import { ReplyError } from "ioredis";
import { TidingsError } from "../../../protocol/protocol.ts";
import type { Refusal } from "../partitions/partitions.ts";
import { kindOfText, phraseOf, refusesWrites } from "./failures.ts";
import { NotConnectedYet } from "./ioredis.ts";
import { FENCED, LOST } from "./script.ts";

/**
 * Error replies of a master that does not have all keys of the partition: the command has not run. A master that was
 * removed from the Redis Cluster knows nobody who serves the slot.
 */
const MOVING_REPLY = /^(?:TRYAGAIN|MOVED|ASK|CLUSTERDOWN Hash slot not served)\b/;
/** Those that another master would not give: the client's view of the Redis Cluster is outdated. */
const WRONG_MASTER = /^(?:MOVED|CLUSTERDOWN)\b/;

/** The reason of a script call that has not run, and may be repeated; undefined for any other failure. */
export function refusalOf(cause: unknown): Refusal | undefined {
  if (cause instanceof NotConnectedYet) return "connecting";
  if (!(cause instanceof ReplyError)) return undefined;
  const { message } = cause as Error; // the library does not say so
  if (message.includes(LOST)) return "lost";
  return MOVING_REPLY.test(message) ? "moving" : undefined;
}

/** Tells whether a command was sent to a master that does not have its slot. */
export const isWrongMaster = (cause: unknown): boolean =>
  cause instanceof Error && WRONG_MASTER.test(cause.message);

/**
 * Turns the cause of a failed command into an error: `unavailable` when Redis was not reached or cannot run it now,
 * `internal` when Redis never will. The error does not carry the cause: errors of the client library hold the command
 * with its messages, which must not get into a log.
 */
export function commandError(what: string, cause: unknown): TidingsError {
  if (cause instanceof TidingsError) return cause;
  const text = textOf(cause);
  const isReply = cause instanceof ReplyError && !text.includes(FENCED);
  const kind = kindOfText(text, isReply);
  if (kind === "mistake") return new TidingsError("internal", `${what} failed in Redis: ${text}`);
  if (refusesWrites(kind)) return new TidingsError("unavailable", phraseOf(kind));
  return new TidingsError("unavailable", `${phraseOf(kind)}: ${text}`);
}

/** Removes credentials of URLs, the user that NOPERM names, and the arguments in the reply to an unknown command. */
const scrubbed = (text: string): string =>
  text
    .replace(/:\/\/[^/\s]*@/g, "://***@")
    .replace(/\bUser \S+ has no/g, "User *** has no")
    .replace(/(with args beginning with:).*/g, "$1 ***");

/** The text of an error without secrets. */
export function textOf(cause: unknown): string {
  if (!(cause instanceof Error)) return scrubbed(String(cause));
  // The connection ended while the command was in flight. The text of the library is about `maxRetriesPerRequest`
  // (clients.ts).
  return cause.name === "MaxRetriesPerRequestError" ? "the connection has ended" : scrubbed(cause.message);
}
