import { backoff } from "../../protocol/protocol.ts";

/** Bounds of the delay before the next attempt to connect, in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first delay. @default 1_000 // 1 s */
  readonly minMs: number;
  /** Upper bound of every delay. @default 30_000 // 30 s */
  readonly maxMs: number;
}

/**
 * Exponential backoff with full jitter: uniform between 0 and a bound that doubles. The jitter keeps the clients of a
 * node that stopped from reconnecting all at once.
 *
 * @param delays number of delays since the last success
 * @param random uniform in [0, 1)
 */
export const backoffMs = (delays: number, bounds: BackoffOptions, random = Math.random): number =>
  random() * backoff(delays, bounds);
