/** Admits a limited number of tasks at a time. The others wait, and are admitted in the order of their requests. */
export class Semaphore {
  readonly #limit: number;
  #waiting: (() => void)[] = [];
  /** Index of the first task that waits. To take it from the list would move all others: with 10,000 that costs more than most tasks. */
  #first = 0;
  #admitted = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Number of tasks that wait. */
  get waiting(): number {
    return this.#waiting.length - this.#first;
  }

  /** True while no task is admitted. */
  get isIdle(): boolean {
    return this.#admitted === 0;
  }

  /**
   * Admits a task. @returns `undefined` when the task may begin at once (this costs no promise), else a promise to
   * await
   */
  acquire(): Promise<void> | undefined {
    if (this.#admitted < this.#limit) {
      this.#admitted++;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends a task, and admits the next one. */
  release(): void {
    const next = this.#waiting[this.#first];
    if (next === undefined) {
      this.#admitted--;
      return;
    }
    this.#first++;
    if (this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    next();
  }
}
