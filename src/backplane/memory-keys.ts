import type { Appended, StoredReceipt } from "./port.ts";

/** What is remembered of the first publish under an idempotency key. */
export interface FirstPublish {
  /** Where it was appended; absent for an ephemeral message. */
  readonly place?: Pick<Appended, "id" | "timestamp" | "epoch" | "offset">;
  /** What it was answered with, once that is known. */
  receipt?: StoredReceipt;
}

interface Remembered extends FirstPublish {
  readonly until: number;
}

/**
 * First publishes by their key, in two generations: at the end of a window, or when the younger is full, the older is
 * dropped whole. So each lives for a window at least, without a timer or a queue, and memory is bounded.
 */
export class IdempotencyKeys {
  readonly #windowMs: number;
  readonly #limit: number;
  readonly #now: () => number;
  #younger = new Map<string, Remembered>();
  #older = new Map<string, Remembered>();
  #turnAt: number;

  constructor(windowMs: number, limit: number, now: () => number) {
    this.#windowMs = windowMs;
    this.#limit = limit;
    this.#now = now;
    this.#turnAt = now() + windowMs;
  }

  find(key: string): FirstPublish | undefined {
    const first = this.#younger.get(key) ?? this.#older.get(key);
    return first === undefined || first.until <= this.#now() ? undefined : first;
  }

  /** Takes the place of what was remembered under this key before. */
  remember(key: string, { place, receipt }: FirstPublish): void {
    const now = this.#now();
    if (now >= this.#turnAt || this.#younger.size >= this.#limit) this.#turn(now);
    this.#younger.set(key, { place, receipt, until: now + this.#windowMs });
  }

  #turn(now: number): void {
    this.#older = this.#younger;
    this.#younger = new Map();
    this.#turnAt = now + this.#windowMs;
  }
}
