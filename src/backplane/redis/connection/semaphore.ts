/** So many at a time; the others wait, and come in the order in which they asked. */
export class Turns {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns undefined when it may begin at once, else what it has to wait for */
  take(): Promise<void> | undefined {
    if (this.#taken < this.#limit) {
      this.#taken++;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends a turn; the next one in the queue has it. */
  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}

const AT_ONCE = 8;

/** Does some of the work at a time, so that Redis has time for others. */
export async function inTurn<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const turns = new Turns(AT_ONCE);
  const doInTurn = async (item: Item): Promise<void> => {
    await turns.take();
    await work(item).finally(() => turns.give());
  };
  await Promise.all(items.map(doInTurn));
}
