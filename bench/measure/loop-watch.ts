/** Measures how long the turns of the event loop take, by a `setImmediate` in each of them. Keeps one core busy. */
export class LoopWatch {
  #last = performance.now();
  #longest = 0;
  #running = true;

  constructor() {
    this.#turn();
  }

  /** The longest turn since the last call, the current one included. */
  takeLongestMs(): number {
    const longest = Math.max(this.#longest, performance.now() - this.#last);
    this.#last = performance.now();
    this.#longest = 0;
    return longest;
  }

  stop(): void {
    this.#running = false;
  }

  #turn(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
    if (this.#running) setImmediate(() => this.#turn());
  }
}
