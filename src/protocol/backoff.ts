/** Growth of the delays between attempts, in milliseconds. */
export interface Backoff {
  /** The delay after the first failure; each further failure doubles it. */
  readonly minMs: number;
  /** Upper bound of every delay. @default Infinity */
  readonly maxMs?: number;
}

/**
 * Exponential backoff: the delay before the next attempt, in milliseconds. A random factor in [0, 1) makes it one with
 * "full jitter", which spreads clients that failed at one moment. See "Exponential Backoff And Jitter", AWS Architecture
 * Blog, 2015.
 * @param delays delays since the last success, 0 for the first
 */
export const backoff = (delays: number, { minMs, maxMs = Number.POSITIVE_INFINITY }: Backoff): number =>
  Math.min(maxMs, minMs * 2 ** delays);
