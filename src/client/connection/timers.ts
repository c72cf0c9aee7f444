/** The longest delay that timers support: a longer one overflows 32 bits and fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Cancels a timer. It has no effect after the timer fired. */
export type Cancel = () => void;

/**
 * All timers of a client, so that closing the client leaves none behind. They keep a Node process alive, because a
 * client that waits to reconnect is still in use.
 */
export class Timers {
  readonly #running = new Set<ReturnType<typeof setTimeout>>();
  #isClosed = false;

  after(delayMs: number, task: () => void): Cancel {
    if (this.#isClosed) return () => {};
    const timer = setTimeout(
      () => {
        this.#running.delete(timer);
        task();
      },
      Math.min(delayMs, MAX_DELAY_MS),
    );
    this.#running.add(timer);
    return () => {
      this.#running.delete(timer);
      clearTimeout(timer);
    };
  }

  /** Resolves after the delay. It never resolves when the timers are closed before. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  /** Cancels all timers and starts no new ones. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#running) clearTimeout(timer);
    this.#running.clear();
  }
}
