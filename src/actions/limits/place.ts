/** Time for which a refused message keeps its place after its `retryAfterMs`, in milliseconds. */
const KEPT_MS = 5_000;

/** A message that may come again later than this keeps no place, in milliseconds: its client gives up before. */
const MAX_RETRY_MS = 10_000;

/** Least time that a message behind a refused one is told to wait, in milliseconds. */
const BEHIND_MS = 100;

/**
 * Place of a message that a limit has refused. Later messages were on the way already, and would overtake it as soon as the limit has
 * room. They are refused, too, until it comes again under its key, or its time is over.
 */
export class RefusedPlace {
  #key: string | undefined;
  #retryAt = 0;

  /** Keeps the place of a refused message, unless an earlier one has it. */
  keep(key: string, now: number, retryAfterMs: number): void {
    if (retryAfterMs > MAX_RETRY_MS) return;
    if (this.#key !== undefined && this.#key !== key && now < this.#retryAt + KEPT_MS) return;
    this.#key = key;
    this.#retryAt = now + retryAfterMs;
  }

  /** @returns milliseconds that a message has to wait behind the refused one; 0: it is this one, or there is none */
  waitMs(key: string, now: number): number {
    if (this.#key === undefined) return 0;
    if (this.#key !== key && now < this.#retryAt + KEPT_MS) return Math.max(BEHIND_MS, this.#retryAt - now);
    this.#key = undefined;
    return 0;
  }
}
