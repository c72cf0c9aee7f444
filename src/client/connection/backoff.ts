/** How long to wait before connecting again, in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first delay. @default 1_000 // 1 s */
  readonly minMs: number;
  /** Upper bound of every delay. @default 30_000 // 30 s */
  readonly maxMs: number;
}

/**
 * Exponential backoff with full jitter: uniform between 0 and the doubled bound, so that the clients of a node that
 * went away do not come back all at once. See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @param delays how many there were since the last success
 * @param random uniform in [0, 1)
 */
export function backoffMs(
  delays: number,
  { minMs, maxMs }: BackoffOptions,
  random: () => number = Math.random,
): number {
  return random() * Math.min(maxMs, minMs * 2 ** delays);
}
