interface Departure {
  readonly user: string;
  /** By the monotonic clock, in milliseconds. */
  readonly due: number;
}

/**
 * Users who have just gone. The grace time is the same for all, so a queue in the order of departure is one in the order
 * of dues, and a single timer, set to the first of them, serves any number of users.
 */
export class Grace {
  readonly #graceMs: number;
  readonly #over: (user: string) => void;
  /** Who is still away; a departure in the queue that is not here was called off. */
  readonly #away = new Map<string, Departure>();
  #queue: Departure[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param over is told when a user has been gone for the whole time */
  constructor(graceMs: number, over: (user: string) => void) {
    this.#graceMs = graceMs;
    this.#over = over;
  }

  begin(user: string): void {
    const departure = { user, due: performance.now() + this.#graceMs };
    this.#away.set(user, departure);
    this.#queue.push(departure);
    this.#timer ??= this.#arm(departure);
  }

  /** The user is back. @returns whether the user was within the grace time */
  end(user: string): boolean {
    return this.#away.delete(user);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#away.clear();
    this.#queue = [];
  }

  #arm({ due }: Departure): NodeJS.Timeout {
    return setTimeout(() => this.#turn(), Math.max(0, due - performance.now())).unref();
  }

  #turn(): void {
    const now = performance.now();
    const pending = this.#queue.findIndex(({ due }) => due > now);
    const over = this.#queue.splice(0, pending === -1 ? this.#queue.length : pending);
    const [next] = this.#queue;
    this.#timer = next === undefined ? undefined : this.#arm(next);
    for (const departure of over) {
      // A listener may have stopped everything, or the user may have come back and gone again.
      if (this.#away.get(departure.user) !== departure) continue;
      this.#away.delete(departure.user);
      this.#over(departure.user);
    }
  }
}
