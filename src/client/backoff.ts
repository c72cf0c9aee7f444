import { backoff } from "../protocol/protocol.ts";

/** How long to wait before connecting again, in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first delay. @default 1_000 // 1 s */
  readonly minMs: number;
  /** Upper bound of every delay. @default 30_000 // 30 s */
  readonly maxMs: number;
}

/**
 * Exponential backoff with full jitter: uniform between 0 and the doubled bound. A node that went away has many clients, and
 * without jitter they would reconnect all at once.
 *
 * @param delays how many there were since the last success
 * @param random uniform in [0, 1)
 */
export function backoffMs(
  delays: number,
  { minMs, maxMs }: BackoffOptions,
  random: () => number = Math.random,
): number {
  return backoff(delays, { firstMs: minMs, capMs: maxMs, jitter: random });
}
