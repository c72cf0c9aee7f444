import { ReplyError } from "ioredis";
import { TidingsError } from "../../../protocol/protocol.ts";
import { kindOfText, phraseOf, refusesWrites } from "./failures.ts";
import { FENCED } from "./script.ts";

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

/** Fields of a connection error that hold no secret. */
const FACTS = ["code", "errno", "syscall", "address", "port"];

/**
 * Copies an error of the client library so that it may be reported. The library's errors carry the failed command, and
 * AUTH holds user and password: only the class, the texts and {@link FACTS} are copied, of causes too.
 */
export function withoutSecrets(error: unknown): unknown {
  if (!(error instanceof Error))
    return typeof error === "string" ? scrubbed(error) : "an error of no known kind";
  const cause: unknown = error.cause ?? Reflect.get(error, "lastNodeError");
  const errors: unknown = Reflect.get(error, "errors");
  const copy = new Error(
    scrubbed(error.message),
    cause === undefined ? undefined : { cause: withoutSecrets(cause) },
  );
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error));
  const stack = scrubbed(error.stack ?? "");
  Object.defineProperty(copy, "stack", { value: stack, configurable: true, writable: true });
  for (const name of FACTS) {
    const value: unknown = Reflect.get(error, name);
    if (typeof value === "string" || typeof value === "number") Reflect.set(copy, name, value);
  }
  if (Array.isArray(errors)) Reflect.set(copy, "errors", errors.map(withoutSecrets));
  return copy;
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
