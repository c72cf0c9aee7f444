import type { Rate } from "./rate.ts";

/** The rate that counters share. Whoever owns it may replace `rate` at any time. */
export interface RateSource {
  readonly rate: Rate;
}

/**
 * Counts one thing against a rate, in this process: for example the messages of a connection. Nothing is allocated after the
 * constructor, there is no timer, and two numbers are all its state.
 */
export class RateCounter {
  readonly #source: RateSource;
  /** Begin of the window in milliseconds. Its first value is no small integer, so that V8 keeps a double in place. */
  #startedAt = Number.NEGATIVE_INFINITY;
  #count = 0;

  /** @param source is shared by all counters of a kind: its next rate is in force at the next call of each */
  constructor(source: RateSource) {
    this.#source = source;
  }

  /**
   * Takes one from the allowance. A refused one does not count.
   * @param now milliseconds of one clock that does not go back, for example `performance.now()`
   * @returns false when the window has no room left
   */
  take(now: number): boolean {
    const { rate } = this.#source;
    if (now - this.#startedAt >= rate.windowMs) {
      this.#startedAt = now;
      this.#count = 0;
    }
    if (this.#count >= rate.limit) return false;
    this.#count++;
    return true;
  }

  /** Milliseconds until there is room again, at least 1; 0 when there is room now. */
  retryAfterMs(now: number): number {
    const { limit, windowMs } = this.#source.rate;
    const leftMs = this.#startedAt + windowMs - now;
    return leftMs <= 0 || this.#count < limit ? 0 : Math.max(1, Math.ceil(leftMs));
  }
}
