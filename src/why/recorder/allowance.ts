/** Calls between two looks at the clock while nothing is left: a look costs more than the rest of a call. */
const CALLS_PER_LOOK = 64;

/** What may be done in a second; after a pause, as much at once. */
export class Allowance {
  readonly #perSecond: number;
  #left: number;
  #refused = 0;
  #filledAt = performance.now();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /** @returns false when the allowance is used up. It costs a few nanoseconds */
  take(): boolean {
    if (this.#left <= 0 && !this.#refill()) return false;
    this.#left--;
    return true;
  }

  #refill(): boolean {
    // The first call in vain looks at once: after a pause nothing is refused.
    if (this.#refused++ % CALLS_PER_LOOK !== 0) return false;
    const now = performance.now();
    const gained = Math.floor(((now - this.#filledAt) * this.#perSecond) / 1_000);
    if (gained < 1) return false;
    this.#left = Math.min(gained, this.#perSecond);
    this.#filledAt = now;
    this.#refused = 0;
    return true;
  }
}
