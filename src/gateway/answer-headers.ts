/**
 * Headers of every answer of the HTTP API, errors and refused upgrades too: nothing is cached, taken for another media
 * type, or named as a referrer. Without a header of CORS browsers keep answers from the pages of other origins.
 */
export const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};
