/**
 * Headers of every answer of the HTTP API, errors and refused upgrades too: nothing is cached, taken for another media
 * type, or named as a referrer. Without a header of CORS browsers keep answers from the pages of other origins.
 */
export const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** Header fields for a client that may come again later (RFC 9110 section 10.2.3). */
export const retryAfter = (retryAfterMs: number | undefined): Record<string, string> =>
  retryAfterMs === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) };
