import { setTimeout as sleep } from "node:timers/promises";
import { backoff } from "../../../protocol/protocol.ts";

export const LONGEST_RETRY_MS = 2_000;
const RETRY = { firstMs: 50, capMs: LONGEST_RETRY_MS };

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
    let delays = 0;
    while (this.#again && isPossible()) {
      this.#again = false;
      try {
        await attempt();
        if (!this.#again && isPossible()) onReturn();
      } catch (error) {
        onFailure(error);
        this.#again = true;
        await sleep(backoff(delays++, RETRY), undefined, { ref: false });
      }
    }
    this.#isRunning = false;
  }
}
