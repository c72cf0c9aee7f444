/** Calls between two looks at the clock while nothing is left: a look costs more than the rest of a call. */
const CALLS_PER_LOOK = 64;

/** What may be done in a second; after a pause, as much at once. */
export class Allowance {
  readonly #perSecond: number;
  #left: number;
  #refused = 0;
  /** Mark of the last call in vain. */
  #mark = 0;
  #filledAt = performance.now();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /**
   * Takes one. It costs a few nanoseconds.
   * @param mark a number that changes with time, and costs nothing: where it is another one, the clock is looked at
   * @returns false when the allowance is used up
   */
  take(mark: number): boolean {
    if (this.#left <= 0 && !this.#refill(mark)) return false;
    this.#left--;
    return true;
  }

  #refill(mark: number): boolean {
    // The first call of each millisecond looks, so after a pause nothing is refused.
    if (mark === this.#mark && ++this.#refused % CALLS_PER_LOOK !== 0) return false;
    this.#mark = mark;
    const now = performance.now();
    const gained = Math.floor(((now - this.#filledAt) * this.#perSecond) / 1_000);
    if (gained < 1) return false;
    this.#left = Math.min(gained, this.#perSecond);
    this.#filledAt = now;
    return true;
  }
}
