/** Growth of the delays between attempts, in milliseconds. */
export interface Backoff {
  /** The delay after the first failure; each further failure doubles it. */
  readonly firstMs: number;
  /** Upper bound of every delay. @default Infinity */
  readonly capMs?: number;
  /**
   * Returns the factor of the delay, in [0, 1). `Math.random` gives "full jitter", which spreads clients that failed at
   * one moment. See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. @default none
   */
  readonly jitter?: () => number;
}

/**
 * Exponential backoff: the delay before the next attempt, in milliseconds.
 * @param delays delays since the last success, 0 for the first
 */
export function backoff(
  delays: number,
  { firstMs, capMs = Number.POSITIVE_INFINITY, jitter }: Backoff,
): number {
  const delayMs = Math.min(capMs, firstMs * 2 ** delays);
  return jitter === undefined ? delayMs : jitter() * delayMs;
}
