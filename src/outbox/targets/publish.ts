import { ERROR_CODES, isErrorCode, TidingsError } from "../../protocol/protocol.ts";
import type { OutboxMessage } from "../row.ts";

/**
 * Publishes messages of different channels.
 * @returns an error for each message, in their order; undefined for one that is published
 * @throws TidingsError when the hub did not take the call. Some messages may be published nevertheless
 */
export type Publish = (messages: readonly OutboxMessage[]) => Promise<readonly (TidingsError | undefined)[]>;

/** Results of a batch, from this process or read from JSON. */
export function errorsOf(results: unknown, count: number): (TidingsError | undefined)[] {
  if (!Array.isArray(results) || results.length !== count)
    throw new TidingsError(
      "unavailable",
      "outbox: the hub's answer is no list of results: is it the URL of a hub?",
    );
  return results.map((result: unknown) => errorOf(result));
}

/** Reads the error in an answer of a hub; undefined when there is none. */
export function errorOf(result: unknown): TidingsError | undefined {
  const { error } = (result ?? {}) as {
    readonly error?: { readonly code?: unknown; readonly message?: unknown };
  };
  if (error === undefined || error === null) return undefined;
  // A code that this release does not know is final: the row stays in the table for somebody to look at.
  const code = isErrorCode(error.code) ? error.code : "refused";
  return new TidingsError(code, String(error.message ?? code));
}

/** True for an error that an equal message may not meet later. */
export const isRetryable = ({ code }: TidingsError): boolean => ERROR_CODES[code].retryable;
