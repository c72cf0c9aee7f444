import { ReplyError } from "ioredis";
import { TidingsError } from "../../protocol/protocol.ts";
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

/** Facts of a failed connection that hold no secret. */
const FACTS = ["code", "errno", "syscall", "address", "port"];

/**
 * A copy of an error of the client library that may be reported. The library's errors carry the failed command, and that of
 * AUTH is user and password; so nothing but the class, the texts and {@link FACTS} is copied, of causes too.
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

/** Takes out credentials in URLs, the user that NOPERM names, and arguments that Redis repeats of a command unknown to it. */
const scrubbed = (text: string): string =>
  text
    .replace(/:\/\/[^/\s]*@/g, "://***@")
    .replace(/\bUser \S+ has no/g, "User *** has no")
    .replace(/(with args beginning with:).*/g, "$1 ***");

function textOf(cause: unknown): string {
  if (!(cause instanceof Error)) return scrubbed(String(cause));
  // It was under way when the connection ended (clients.ts); the client's text is about that setting.
  return cause.name === "MaxRetriesPerRequestError" ? "the connection has ended" : scrubbed(cause.message);
}
