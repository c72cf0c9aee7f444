import type { Rate } from "../rate.ts";
import type { RateStore, Taken } from "./store.ts";

/**
 * Asks a store, with a deadline. Once an answer is overdue, requests do not wait for the store any more: one call at a time goes on to
 * ask it, and the first answer in time ends that.
 */
export class GuardedStore {
  readonly #store: RateStore;
  readonly #onError: (error: unknown) => void;
  #isOverdue = false;
  #isAsking = false;

  /** @param onError is told of each failure */
  constructor(store: RateStore, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /** Takes one from the allowance of a key. @returns undefined when the store has failed, at once or after the deadline */
  take(key: string, rate: Rate, timeoutMs: number): Taken | undefined | Promise<Taken | undefined> {
    if (this.#isOverdue && this.#isAsking) return undefined;
    let taken: Taken | Promise<Taken>;
    try {
      taken = this.#store.take(key, rate);
    } catch (error) {
      return this.#failed(error);
    }
    if (!isPromise(taken)) return this.#checked(taken);
    const answer = this.#answerInTime(taken, timeoutMs);
    return this.#isOverdue ? undefined : answer;
  }

  async close(): Promise<void> {
    await this.#store.close?.();
  }

  /** Never rejects. */
  async #answerInTime(taken: Promise<Taken>, timeoutMs: number): Promise<Taken | undefined> {
    this.#isAsking = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const overdue = new Promise<typeof OVERDUE>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, OVERDUE);
    });
    try {
      const answer = await Promise.race([taken, overdue]);
      this.#isOverdue = answer === OVERDUE;
      if (answer !== OVERDUE) return this.#checked(answer);
      taken.catch(() => undefined); // its failure comes too late to be told
      return this.#failed(new Error(`the store did not answer within ${timeoutMs} ms`));
    } catch (error) {
      return this.#failed(error);
    } finally {
      clearTimeout(timer);
      this.#isAsking = false;
    }
  }

  /** A store may be somebody else's code. */
  #checked(taken: Taken): Taken | undefined {
    const isAnswer =
      typeof taken?.allowed === "boolean" && Number.isFinite(taken.count) && Number.isFinite(taken.resetMs);
    return isAnswer ? taken : this.#failed(new Error("the store did not answer { allowed, count, resetMs }"));
  }

  #failed(error: unknown): undefined {
    this.#onError(error);
    return undefined;
  }
}

const OVERDUE = Symbol("overdue");

const isPromise = (value: Taken | Promise<Taken>): value is Promise<Taken> =>
  typeof (value as Promise<Taken> | undefined)?.then === "function";
