import type { TidingsError } from "../protocol/protocol.ts";

/**
 * Headers of every answer of the HTTP API, errors and refused upgrades too: nothing is cached, taken for another media
 * type, or named as a referrer. Without a header of CORS browsers keep answers from the pages of other origins.
 */
export const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** Time after which a client may come again when nothing better is known, in milliseconds. */
const RETRY_AFTER_MS = 5_000;

/** Header fields for a client that may come again later (RFC 9110 section 10.2.3): always with 429 and 503. */
export function retryAfter({
  status,
  retryAfterMs = status === 429 || status === 503 ? RETRY_AFTER_MS : undefined,
}: Pick<TidingsError, "status" | "retryAfterMs">): Record<string, string> {
  if (retryAfterMs === undefined) return {};
  return { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) };
}
