/** One user in the grace period. */
interface Departure {
  readonly user: string;
  /** By the monotonic clock, in milliseconds. */
  readonly endsAt: number;
}

/**
 * Grace periods of users whose last connection has ended. All periods have one length, so they end in the order in
 * which they began. A single timer, set to the first end, serves any number of users.
 */
export class Grace {
  readonly #graceMs: number;
  readonly #over: (user: string) => void;
  /** Running periods by user. A period of the queue that is missing here was cancelled. */
  readonly #pending = new Map<string, Departure>();
  #queue: Departure[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param over called when a user had no connection for the whole period */
  constructor(graceMs: number, over: (user: string) => void) {
    this.#graceMs = graceMs;
    this.#over = over;
  }

  begin(user: string): void {
    const departure = { user, endsAt: performance.now() + this.#graceMs };
    this.#pending.set(user, departure);
    this.#queue.push(departure);
    this.#timer ??= this.#arm(departure);
  }

  /** Cancels the period of a user who has connected again. @returns true if one was running */
  end(user: string): boolean {
    return this.#pending.delete(user);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending.clear();
    this.#queue = [];
  }

  #arm({ endsAt }: Departure): NodeJS.Timeout {
    return setTimeout(() => this.#expire(), Math.max(0, endsAt - performance.now())).unref();
  }

  #expire(): void {
    const now = performance.now();
    const firstPending = this.#queue.findIndex(({ endsAt }) => endsAt > now);
    const over = this.#queue.splice(0, firstPending === -1 ? this.#queue.length : firstPending);
    const [next] = this.#queue;
    this.#timer = next === undefined ? undefined : this.#arm(next);
    for (const departure of over) {
      // A listener may have stopped this object, or the user may have connected and disconnected again.
      if (this.#pending.get(departure.user) !== departure) continue;
      this.#pending.delete(departure.user);
      this.#over(departure.user);
    }
  }
}
