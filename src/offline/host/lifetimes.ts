import type { LockManager } from "../browser.ts";

/** Waits for the end of tabs. A tab holds a lock until it closes or crashes, neither of which it can tell. */
export class Lifetimes {
  readonly #locks: LockManager | undefined;
  readonly #ended: (lock: string) => void;
  readonly #awaited = new Set<string>();
  readonly #stopped = new AbortController();

  /** @param locks undefined where there is only one tab */
  constructor(locks: LockManager | undefined, ended: (lock: string) => void) {
    this.#locks = locks;
    this.#ended = ended;
  }

  await(lock: string): void {
    if (!this.#locks || this.#awaited.has(lock)) return;
    this.#awaited.add(lock);
    const gone = (): void => {
      this.#awaited.delete(lock);
      this.#ended(lock);
    };
    this.#locks.request(lock, { signal: this.#stopped.signal }, gone).catch(() => {});
  }

  stop(): void {
    this.#stopped.abort();
  }
}
