import { TidingsError } from "./errors.ts";

/** Called when a deadline has passed, with the name of the work and its promise. The work goes on. */
export type OnOverdue = (what: string, work: Promise<unknown>) => void;

/**
 * Runs work that may hang, under a deadline. The work is not cancelled: its late result is ignored.
 * @param what names the work in the error
 * @param onOverdue is told of work that goes on after its deadline
 * @throws TidingsError `timeout` when the work takes longer than `timeoutMs`
 */
export async function within<Result>(
  timeoutMs: number,
  what: string,
  work: () => Promise<Result>,
  onOverdue?: OnOverdue,
): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const working = work();
  const overdue = new Promise<never>((_, reject) => {
    const fail = (): void => {
      onOverdue?.(what, working);
      reject(new TidingsError("timeout", `${what} did not answer within ${timeoutMs} ms`));
    };
    timer = setTimeout(fail, timeoutMs);
  });
  try {
    return await Promise.race([working, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/** Counts work that goes on after its deadline, and refuses more of the same name while there is much of it. */
export class Overdue {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();
  #total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Call it before work begins.
   * @throws TidingsError `unavailable` while too much work is overdue, some of it of this name
   */
  assertRoom(what: string): void {
    if (this.#total < this.#limit || !this.#counts.has(what)) return;
    throw new TidingsError("unavailable", `${what}: ${this.#counts.get(what)} earlier calls have not ended`);
  }

  /** Counts work until it ends. */
  readonly add: OnOverdue = (what, work) => {
    this.#total++;
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
    const ended = (): void => this.#ended(what);
    work.then(ended, ended);
  };

  #ended(what: string): void {
    this.#total--;
    const left = (this.#counts.get(what) ?? 0) - 1;
    if (left > 0) this.#counts.set(what, left);
    else this.#counts.delete(what);
  }
}
