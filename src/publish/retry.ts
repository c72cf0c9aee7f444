import { setTimeout as sleep } from "node:timers/promises";
import { toTidingsError } from "../protocol/protocol.ts";
import type { Attempt, Receipt } from "./receipt.ts";

export interface Retry {
  /** Attempts in all. */
  readonly attempts: number;
  /** Wait before the second attempt; it doubles from there. @default 100 // ms */
  readonly delayMs?: number;
}

/**
 * Repeats a publish while its failure is retryable. The publish must carry an idempotency key, so that an
 * attempt whose answer was lost is not stored twice.
 * @throws the last failure, when it is final or the attempts are used up
 */
export async function withRetry(
  { attempts, delayMs = 100 }: Retry,
  publish: () => Promise<Receipt>,
): Promise<Receipt> {
  const made: Attempt[] = [];
  for (;;) {
    try {
      const receipt = await publish();
      return { ...receipt, attempts: [...made, { outcome: "sent" }] };
    } catch (thrown) {
      const { code, message, retryable } = toTidingsError(thrown);
      made.push({ outcome: "failed", code, message, retryable });
      if (!retryable || made.length >= attempts) throw thrown;
      await sleep(delayMs * 2 ** (made.length - 1));
    }
  }
}
