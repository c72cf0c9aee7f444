import type { ErrorCode } from "../protocol/protocol.ts";

/**
 * What became of a message. `offline`: nobody was there and it is not stored. `stored`: it is in the history and
 * nobody is known to have it. `delivered`: handed to at least one connection or to a node that has one.
 * `acked`: the receiver has acknowledged it.
 */
export type ReceiptState = "offline" | "stored" | "delivered" | "acked";

export interface Receipt {
  readonly state: ReceiptState;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** The place in the channel's history; absent for an ephemeral message. */
  readonly epoch?: string;
  readonly offset?: number;
  /** Connections of this node, and other nodes, that it was handed to. */
  readonly connections: number;
  /** The idempotency key was known: nothing was sent, this is the first receipt. */
  readonly duplicate?: true;
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
