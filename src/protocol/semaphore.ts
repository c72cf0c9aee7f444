/** Admits a limited number of tasks at a time. The others wait, and are admitted in the order of their requests. */
export class Semaphore {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #admitted = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Number of tasks that wait. */
  get waiting(): number {
    return this.#waiting.length;
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
    const next = this.#waiting.shift();
    if (next === undefined) this.#admitted--;
    else next();
  }
}
