import type { Appended, Message, StoredReceipt } from "../backplane/backplane.ts";
import type { ErrorCode, Receipt as SentReceipt } from "../protocol/protocol.ts";

/** Outcome of a message, for the application with the attempts. */
export interface Receipt extends SentReceipt {
  /** Outcome of each attempt, with the option `retry`. */
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

/** Receipt of an ephemeral message. It is a class for the reason given at `AcceptedMessage`. */
export class EphemeralReceipt implements Receipt {
  readonly state: "delivered" | "routed" | "offline";
  readonly id: string;
  readonly timestamp: number;
  readonly connections: number;

  /**
   * @param connections connections of this node that the message was handed to
   * @param nodes other nodes to which it was sent. Nothing is known of its arrival there, so it does not count as
   * delivered
   */
  constructor({ id, timestamp }: Message, connections: number, nodes: number) {
    if (connections > 0) this.state = "delivered";
    else this.state = nodes > 0 ? "routed" : "offline";
    this.id = id;
    this.timestamp = timestamp;
    this.connections = connections + nodes;
  }
}

/** Makes the receipt of a stored message. */
export function receiptOf({ id, timestamp, epoch, offset, receivers }: Appended): Receipt {
  const state = receivers > 0 ? "delivered" : "stored";
  return { state, id, timestamp, epoch, offset, connections: receivers };
}

/** Makes the receipt of a duplicate append. Until the first publish has completed, only its position is known. */
export function duplicateOf(appended: Appended): Receipt {
  if (appended.receipt !== undefined) return duplicateReceipt(appended.receipt);
  return { ...receiptOf({ ...appended, receivers: 0 }), duplicate: true };
}

/** Marks the first receipt as that of a duplicate. */
export const duplicateReceipt = (first: StoredReceipt): Receipt => ({
  ...(JSON.parse(first) as Receipt), // written by Publisher
  duplicate: true,
});
