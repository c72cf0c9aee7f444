import type { ErrorCode, Receipt as SentReceipt } from "../protocol/protocol.ts";

/** What became of a message; the application also learns of the attempts. */
export interface Receipt extends SentReceipt {
  /** What each attempt came to, when `retry` was asked for. */
  readonly attempts?: readonly Attempt[];
}

/** One attempt to publish. */
export type Attempt =
  | { readonly outcome: "sent" }
  | {
      readonly outcome: "failed";
      readonly code: ErrorCode;
      readonly message: string;
      readonly retryable: boolean;
    };
