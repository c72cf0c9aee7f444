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
  /** Index of the first period of the queue that has not ended. */
  #first = 0;
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
    this.#first = 0;
  }

  #arm({ endsAt }: GracePeriod): NodeJS.Timeout {
    return setTimeout(() => this.#expire(), Math.max(0, endsAt - performance.now())).unref();
  }

  #expire(): void {
    const over = this.#takeOver(performance.now());
    const next = this.#queue[this.#first];
    this.#timer = next === undefined ? undefined : this.#arm(next);
    for (const period of over) {
      // A listener may have called stop(), and the user may have reconnected and left again.
      if (this.#pending.get(period.user) !== period) continue;
      this.#pending.delete(period.user);
      this.#onOver(period.user);
    }
  }

  /** Takes the periods that have ended from the queue. To move the rest of it each time would take seconds after the end of a million connections. */
  #takeOver(now: number): readonly GracePeriod[] {
    const from = this.#first;
    while ((this.#queue[this.#first]?.endsAt ?? Number.POSITIVE_INFINITY) <= now) this.#first++;
    const over = this.#queue.slice(from, this.#first);
    if (this.#first <= this.#queue.length / 2) return over;
    this.#queue = this.#queue.slice(this.#first);
    this.#first = 0;
    return over;
  }
}
