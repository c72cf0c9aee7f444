/** Admits a limited number of tasks at a time. The others wait, and are admitted in the order of their requests. */
export class Semaphore {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #admitted = 0;

  constructor(limit: number) {
    this.#limit = limit;
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

const MAX_CONCURRENT = 8;

/** Works on all items, at most 8 at a time: Redis has time for other work in between. */
export async function forEachConcurrently<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const semaphore = new Semaphore(MAX_CONCURRENT);
  const admit = async (item: Item): Promise<void> => {
    await semaphore.acquire();
    await work(item).finally(() => semaphore.release());
  };
  await Promise.all(items.map(admit));
}
