import { setTimeout as sleep } from "node:timers/promises";

const FIRST_RETRY_MS = 50;
export const LONGEST_RETRY_MS = 2_000;

export interface ReturningParts {
  /** Whether an attempt makes sense now; if not, somebody begins anew later. */
  readonly isPossible: () => boolean;
  readonly attempt: () => Promise<void>;
  /** An attempt has ended well, and nothing has happened meanwhile that would ask for another. */
  readonly onReturn: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** Attempts to return, one after the other until one ends well. */
export class Returning {
  readonly #parts: ReturningParts;
  #isRunning = false;
  #again = false;

  constructor(parts: ReturningParts) {
    this.#parts = parts;
  }

  /** Begins, or has what runs begin again. */
  async begin(): Promise<void> {
    const { isPossible, attempt, onReturn, onFailure } = this.#parts;
    this.#again = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    let delay = FIRST_RETRY_MS;
    while (this.#again && isPossible()) {
      this.#again = false;
      try {
        await attempt();
        if (!this.#again && isPossible()) onReturn();
      } catch (error) {
        onFailure(error);
        this.#again = true;
        await sleep(delay, undefined, { ref: false });
        delay = Math.min(2 * delay, LONGEST_RETRY_MS);
      }
    }
    this.#isRunning = false;
  }
}
