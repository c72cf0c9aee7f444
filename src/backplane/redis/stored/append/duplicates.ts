import type { IdempotencyKeys } from "../idempotency.ts";
import type { Completion } from "./completion.ts";
import type { PendingAppend } from "./pending.ts";

/** Recognises appends under an idempotency key that is taken, and answers them with the first publish. */
export class Duplicates {
  readonly #idempotency: IdempotencyKeys;
  readonly #completion: Completion;

  constructor(idempotency: IdempotencyKeys, completion: Completion) {
    this.#idempotency = idempotency;
    this.#completion = completion;
  }

  /**
   * Reserves the key of an append. True if it may be appended: APPEND itself recognises a duplicate within one channel. False if the key
   * was used elsewhere or cannot be reserved; then the append has its answer.
   */
  async reserve({ key, message, resolve, reject }: PendingAppend): Promise<boolean> {
    if (key === undefined) return true;
    try {
      const first = await this.#idempotency.reserve(key, message.channel);
      if (first === undefined || first.what === message.channel) return true;
      const { id, timestamp } = message;
      resolve({ id, timestamp, epoch: "", offset: 0, receivers: 0, duplicate: true, receipt: first.receipt });
    } catch (error) {
      reject(error);
    }
    return false;
  }

  /** Completes a duplicate. @param detail the first message, as APPEND describes it: epoch, offset, id and timestamp */
  async complete(pending: PendingAppend, detail: string): Promise<void> {
    const { message, key = "", resolve, reject } = pending;
    const [epoch = "", offset, id = "", timestamp] = detail.split(" ");
    this.#completion.forget(pending);
    try {
      const first = await this.#idempotency.reserve(key, message.channel);
      const stored = { id, timestamp: Number(timestamp), epoch, offset: Number(offset) };
      resolve({ ...stored, receivers: 0, duplicate: true, receipt: first?.receipt });
    } catch (error) {
      reject(error);
    }
  }
}
