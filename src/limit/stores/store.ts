import type { Rate } from "../rate.ts";

/** The answer of a store to one request. */
export interface Taken {
  /** False when the window had no room left. A refused request does not count. */
  readonly allowed: boolean;
  /** Requests of this window that were allowed so far, this one included. */
  readonly count: number;
  /** Milliseconds until the window ends. */
  readonly resetMs: number;
}

/**
 * Counts requests in fixed windows. A window of a key begins with its first request and ends `rate.windowMs` later. Calls with one key always
 * have windows of one length; the limit may change between them, and the count goes on.
 */
export interface RateStore {
  /** Takes one from the allowance of a key. Throws, or rejects, when the store cannot tell. */
  take(key: string, rate: Rate): Taken | Promise<Taken>;
  /** Called by the limiter's `close()`. */
  close?(): void | Promise<void>;
}
