import { NOBODY } from "../../../port.ts";
import type { IdempotencyKeys } from "../idempotency.ts";
import type { Completion } from "./completion.ts";
import type { PendingAppend } from "./pending.ts";

/** Recognises duplicates: appends whose idempotency key is reserved already. Answers them with the first publish. */
export class Duplicates {
  readonly #idempotency: IdempotencyKeys;
  readonly #completion: Completion;

  constructor(idempotency: IdempotencyKeys, completion: Completion) {
    this.#idempotency = idempotency;
    this.#completion = completion;
  }

  /**
   * Reserves the key of an append. True if the message may be appended: within one channel APPEND itself recognises
   * duplicates. False if the key was used in another channel or for an ephemeral message, or if the reservation failed:
   * then the append is completed.
   */
  async reserve({ key, message, resolve, reject }: PendingAppend): Promise<boolean> {
    if (key === undefined) return true;
    try {
      const first = await this.#idempotency.reserve(key, message.channel);
      if (first === undefined || first.what === message.channel) return true;
      const { id, timestamp } = message;
      resolve({
        id,
        timestamp,
        epoch: "",
        offset: 0,
        here: NOBODY,
        nodes: 0,
        duplicate: true,
        receipt: first.receipt,
      });
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
      resolve({ ...stored, here: NOBODY, nodes: 0, duplicate: true, receipt: first?.receipt });
    } catch (error) {
      reject(error);
    }
  }
}
