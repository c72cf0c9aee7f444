import { setTimeout as sleep } from "node:timers/promises";
import { backoff } from "../../../../protocol/protocol.ts";

export const LONGEST_DELAY_MS = 2_000;
const DELAYS = { minMs: 50, maxMs: LONGEST_DELAY_MS };

export interface RecoveryParts {
  /** Tells whether an attempt makes sense now. While it does not, recovery ends; a new connection starts it again. */
  readonly isPossible: () => boolean;
  readonly attempt: () => Promise<void>;
  /** Called after an attempt that succeeded, unless something asked for another one meanwhile. */
  readonly onRecovered: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** Repeats attempts to recover, one after another, until one succeeds. */
export class Recovery {
  readonly #parts: RecoveryParts;
  #isRunning = false;
  #isRequested = false;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  /**
   * Starts recovery. While an attempt runs, requests another one after it: the state may have changed since the attempt
   * read it.
   */
  async start(): Promise<void> {
    const { isPossible, attempt, onRecovered, onFailure } = this.#parts;
    this.#isRequested = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    let delays = 0;
    while (this.#isRequested && isPossible()) {
      this.#isRequested = false;
      try {
        await attempt();
        if (!this.#isRequested && isPossible()) onRecovered();
      } catch (error) {
        onFailure(error);
        this.#isRequested = true;
        await sleep(backoff(delays++, DELAYS), undefined, { ref: false });
      }
    }
    this.#isRunning = false;
  }
}
