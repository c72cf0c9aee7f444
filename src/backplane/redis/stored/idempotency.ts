import type { Channel } from "../../../protocol/protocol.ts";
import type { Idempotency, StoredReceipt } from "../../port.ts";
import type { RunScript } from "../connection/connection.ts";
import { partitionOfIdempotencyKey } from "../wire/keys.ts";
import { REMEMBER_RECEIPT, RESERVE_KEY } from "./idempotency-scripts.ts";

/** The publish that came first under an idempotency key. */
export interface FirstPublish {
  /** The channel of a stored message. */
  readonly what: Channel | "ephemeral";
  /** Absent until {@link IdempotencyKeys.complete}. */
  readonly receipt?: StoredReceipt;
}

/** Idempotency keys: the first publish under each, and its receipt, for the length of the window. */
export class IdempotencyKeys implements Idempotency {
  readonly #run: RunScript;
  readonly #windowMs: () => number;

  /** @param windowMs may change: the longest window of all nodes counts */
  constructor(run: RunScript, windowMs: () => number) {
    this.#run = run;
    this.#windowMs = windowMs;
  }

  /** Time for which a key is remembered. */
  get windowMs(): number {
    return this.#windowMs();
  }

  /**
   * Reserves a key for a publish. @returns undefined for the first publish under the key; for a duplicate, the first
   * publish
   */
  async reserve(
    key: string,
    what: FirstPublish["what"],
    receipt: StoredReceipt = "",
  ): Promise<FirstPublish | undefined> {
    const args = [key, this.windowMs, what, receipt];
    const reply = await this.#run(RESERVE_KEY, partitionOfIdempotencyKey(key), args);
    const [isFirst, first, known] = reply as [number, FirstPublish["what"], string]; // as the script replies
    if (isFirst === 1) return undefined;
    return { what: first, receipt: known === "" ? undefined : known };
  }

  async begin(key: string, receipt: StoredReceipt): Promise<StoredReceipt | undefined> {
    const first = await this.reserve(key, "ephemeral", receipt);
    return first === undefined ? undefined : (first.receipt ?? receipt);
  }

  async complete(key: string, receipt: StoredReceipt): Promise<void> {
    await this.#run(REMEMBER_RECEIPT, partitionOfIdempotencyKey(key), [key, receipt]);
  }
}
