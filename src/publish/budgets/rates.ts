/** Users from which on those with a whole budget are forgotten. */
const FIRST_SWEEP = 1_024;

/**
 * Rate of bytes for each user: every byte uses up some of the user's time. This is the generic cell rate algorithm (ITU-T
 * I.371), which needs one number per user.
 */
export class Rates {
  readonly #msPerByte: number;
  /** When the budget of a user is whole again, in milliseconds. */
  readonly #wholeAt = new Map<string, number>();
  #sweepAt = FIRST_SWEEP;

  constructor(bytesPerMs: number) {
    this.#msPerByte = 1 / bytesPerMs;
  }

  /** Time that a number of bytes uses up, in milliseconds. */
  costOf(bytes: number): number {
    return bytes * this.#msPerByte;
  }

  /** Time that the user has used up in advance, in milliseconds. @param now of a clock that never goes back */
  usedBy(user: string, now: number): number {
    return Math.max(0, (this.#wholeAt.get(user) ?? 0) - now);
  }

  charge(user: string, bytes: number, now: number): void {
    this.#wholeAt.set(user, now + this.usedBy(user, now) + this.costOf(bytes));
    if (this.#wholeAt.size >= this.#sweepAt) this.#sweep(now);
  }

  #sweep(now: number): void {
    for (const [user, wholeAt] of this.#wholeAt) if (wholeAt <= now) this.#wholeAt.delete(user);
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#wholeAt.size);
  }
}
