import type { LocalNode } from "../local-node.ts";
import type { Appended, Idempotency, StoredReceipt } from "../port.ts";

/** First publish under an idempotency key. */
export interface FirstPublish {
  /** Position of the message in its history; absent for an ephemeral message. */
  readonly place?: Pick<Appended, "id" | "timestamp" | "epoch" | "offset">;
  /** Receipt of the publish, once that is known. */
  receipt?: StoredReceipt;
}

interface KeptPublish extends FirstPublish {
  readonly expiresAt: number;
}

export interface IdempotencyOptions {
  /** Lifetime of a key, in milliseconds. */
  readonly windowMs: number;
  /** Keys of a generation, at most. */
  readonly limit: number;
  readonly now: () => number;
}

/**
 * First publishes by their key, in two generations. At the end of a window, or when the younger generation is full, the
 * older one is dropped whole. So each key lives for a window at least, without a timer or a queue, in bounded memory.
 */
export class MemoryIdempotency implements Idempotency {
  readonly #node: LocalNode;
  readonly #options: IdempotencyOptions;
  #younger = new Map<string, KeptPublish>();
  #older = new Map<string, KeptPublish>();
  #windowEndsAt: number;

  constructor(node: LocalNode, options: IdempotencyOptions) {
    this.#node = node;
    this.#options = options;
    this.#windowEndsAt = options.now() + options.windowMs;
  }

  async begin(key: string, receipt: StoredReceipt): Promise<StoredReceipt | undefined> {
    this.#node.assertStarted();
    const first = this.find(key);
    if (first !== undefined) return first.receipt ?? receipt;
    this.keep(key, { receipt });
    return undefined;
  }

  async complete(key: string, receipt: StoredReceipt): Promise<void> {
    this.#node.assertStarted();
    const first = this.find(key);
    if (first !== undefined) first.receipt = receipt;
  }

  find(key: string): FirstPublish | undefined {
    const first = this.#younger.get(key) ?? this.#older.get(key);
    return first === undefined || first.expiresAt <= this.#options.now() ? undefined : first;
  }

  /** Keeps a first publish, in place of an expired one. */
  keep(key: string, { place, receipt }: FirstPublish): void {
    const { windowMs, limit, now } = this.#options;
    const time = now();
    if (time >= this.#windowEndsAt || this.#younger.size >= limit) this.#dropOlder(time);
    this.#younger.set(key, { place, receipt, expiresAt: time + windowMs });
  }

  #dropOlder(time: number): void {
    this.#older = this.#younger;
    this.#younger = new Map();
    this.#windowEndsAt = time + this.#options.windowMs;
  }
}
