import type { ErrorCode, Receipt as SentReceipt } from "../protocol/protocol.ts";

/** What became of a message; the application also learns of the attempts. */
export interface Receipt extends SentReceipt {
  /** What each attempt came to, when `retry` was asked for. */
  readonly attempts?: readonly Attempt[];
}

/** The receipt of an ephemeral message. A class for the same reason as {@link AcceptedMessage}. */
export class EphemeralReceipt implements Receipt {
  readonly state: "delivered" | "offline";
  readonly id: string;
  readonly timestamp: number;
  readonly connections: number;

  constructor(id: string, timestamp: number, connections: number) {
    this.state = connections > 0 ? "delivered" : "offline";
    this.id = id;
    this.timestamp = timestamp;
    this.connections = connections;
  }
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
