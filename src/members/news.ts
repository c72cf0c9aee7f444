import { toTidingsError } from "../protocol/protocol.ts";

/** False for a failure of an outage: the backplane tells of that itself, once for all connections. */
export const isNews = (error: unknown): boolean => toTidingsError(error).code !== "unavailable";

/** Reasons for which calls have failed, without those of an outage. */
export const newsIn = (results: readonly PromiseSettledResult<unknown>[]): unknown[] =>
  results.flatMap((result) => (result.status === "rejected" ? [result.reason] : [])).filter(isNews);
