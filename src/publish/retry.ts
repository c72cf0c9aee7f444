import { setTimeout as sleep } from "node:timers/promises";
import { backoff, TidingsError, toTidingsError } from "../protocol/protocol.ts";
import type { Attempt, Receipt } from "./receipt.ts";

export interface Retry {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  /** Wait before the second attempt; it doubles from there. @default 100 // ms */
  readonly delayMs?: number | undefined;
}

/** Failure of a publish after its retries: code and message of the last failure, and the outcome of every attempt. */
export class RetryError extends TidingsError {
  readonly attempts: readonly Attempt[];

  constructor(last: TidingsError, attempts: readonly Attempt[]) {
    super(last.code, last.message, { cause: last });
    this.attempts = attempts;
  }
}

/**
 * Repeats a publish while its failure is retryable. The publish must have an idempotency key, so that an
 * attempt whose answer was lost is not stored twice.
 * @throws RetryError when a failure is final or the attempts are used up
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
      const error = toTidingsError(thrown);
      const { code, message, retryable } = error;
      made.push({ outcome: "failed", code, message, retryable });
      if (!retryable || made.length >= attempts) throw new RetryError(error, made);
      await sleep(backoff(made.length - 1, { minMs: delayMs }));
    }
  }
}
