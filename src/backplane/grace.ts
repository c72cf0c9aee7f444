interface GracePeriod {
  readonly user: string;
  /** By the monotonic clock, in milliseconds. */
  readonly endsAt: number;
}

/**
 * Grace periods of users whose last connection has gone. All periods have one length, so they end in the order in which they
 * began, and a single timer, set to the first end, serves any number of users.
 */
export class Grace {
  readonly #graceMs: number;
  readonly #onOver: (user: string) => void;
  /** Periods in force. A period of the queue that is missing here was cancelled. */
  readonly #pending = new Map<string, GracePeriod>();
  #queue: GracePeriod[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param onOver called when a user has been without connections for the whole period */
  constructor(graceMs: number, onOver: (user: string) => void) {
    this.#graceMs = graceMs;
    this.#onOver = onOver;
  }

  begin(user: string): void {
    const period = { user, endsAt: performance.now() + this.#graceMs };
    this.#pending.set(user, period);
    this.#queue.push(period);
    this.#timer ??= this.#arm(period);
  }

  /** Cancels the period of a user who has reconnected. @returns whether there was one */
  cancel(user: string): boolean {
    return this.#pending.delete(user);
  }

  has(user: string): boolean {
    return this.#pending.has(user);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending.clear();
    this.#queue = [];
  }

  #arm({ endsAt }: GracePeriod): NodeJS.Timeout {
    return setTimeout(() => this.#expire(), Math.max(0, endsAt - performance.now())).unref();
  }

  #expire(): void {
    const now = performance.now();
    const firstPending = this.#queue.findIndex(({ endsAt }) => endsAt > now);
    const over = this.#queue.splice(0, firstPending === -1 ? this.#queue.length : firstPending);
    const [next] = this.#queue;
    this.#timer = next === undefined ? undefined : this.#arm(next);
    for (const period of over) {
      // A listener may have called stop(), and the user may have reconnected and left again.
      if (this.#pending.get(period.user) !== period) continue;
      this.#pending.delete(period.user);
      this.#onOver(period.user);
    }
  }
}
