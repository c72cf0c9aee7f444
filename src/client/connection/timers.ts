/** Longer delays overflow the 32 bits that timers have, and would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Stops a timer; of no effect once it has fired. */
export type Cancel = () => void;

/**
 * Every timer of a client, so that closing it leaves none behind. They keep a Node process alive: a client that waits
 * to reconnect is still at work.
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

  /** Resolves after a while; never, when the timers are closed before. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  /** Stops all of them, and starts no more. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#running) clearTimeout(timer);
    this.#running.clear();
  }
}
