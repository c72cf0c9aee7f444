import { type LockManager, withResolvers } from "./browser.ts";

/** Starts what the leader does. @returns what ends it */
export type Lead = () => () => void;

/**
 * A candidate for the host of a group of tabs. At most one leads, by a Web Lock: when the leader closes or crashes, the
 * browser gives the lock to the next one.
 */
export class Candidate {
  readonly #locks: () => LockManager | undefined;
  readonly #name: string;
  readonly #lead: Lead;
  /** Ends the present candidacy. */
  #resign: (() => void) | undefined;
  #isLeading = false;

  /** @param locks gives undefined where this candidate is the only one */
  constructor(locks: () => LockManager | undefined, name: string, lead: Lead) {
    this.#locks = locks;
    this.#name = name;
    this.#lead = lead;
  }

  get isLeading(): boolean {
    return this.#isLeading;
  }

  /** Stands for election. */
  stand(): void {
    if (!this.#resign) this.#request({});
  }

  /** Takes the lead from a leader that does not answer. It learns of it when it runs again. */
  seize(): void {
    this.#resign?.();
    this.#request({ steal: true });
  }

  /** Ends leading, or waiting for it. */
  resign(): void {
    this.#resign?.();
    this.#resign = undefined;
  }

  #request(how: { steal?: boolean }): void {
    const waiting = new AbortController();
    let stop: (() => void) | undefined;
    const { promise: released, resolve: release } = withResolvers<void>();
    const end = (): void => {
      waiting.abort();
      if (stop) this.#isLeading = false;
      stop?.();
      stop = undefined;
      release();
    };
    this.#resign = end;
    const held = (): Promise<void> | undefined => {
      if (waiting.signal.aborted) return undefined;
      stop = this.#lead();
      this.#isLeading = true;
      return released;
    };
    const locks = this.#locks();
    if (!locks) {
      held();
      return;
    }
    // A signal cannot end a request that steals.
    const options = how.steal ? how : { signal: waiting.signal };
    locks.request(this.#name, options, held).catch(() => {
      // Ended by itself, refused by the browser, or the lock was stolen: then another one leads, and this one waits again.
      if (this.#resign !== end) return;
      const wasHeld = stop !== undefined;
      this.resign();
      if (wasHeld) this.#request({});
    });
  }
}
