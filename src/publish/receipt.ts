import type { Appended, Message, StoredReceipt } from "../backplane/backplane.ts";
import type { ErrorCode, Receipt as SentReceipt } from "../protocol/protocol.ts";

/** Outcome of a message; the application also gets the attempts. */
export interface Receipt extends SentReceipt {
  /** The outcome of each attempt, when `retry` was asked for. */
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

/** Receipt of an ephemeral message. A class for the reason that {@link AcceptedMessage} gives. */
export class EphemeralReceipt implements Receipt {
  readonly state: "delivered" | "offline";
  readonly id: string;
  readonly timestamp: number;
  readonly connections: number;

  constructor({ id, timestamp }: Message, connections: number) {
    this.state = connections > 0 ? "delivered" : "offline";
    this.id = id;
    this.timestamp = timestamp;
    this.connections = connections;
  }
}

/** The receipt of a message that has its place in the history. */
export function receiptOf({ id, timestamp, epoch, offset, receivers }: Appended): Receipt {
  const state = receivers > 0 ? "delivered" : "stored";
  return { state, id, timestamp, epoch, offset, connections: receivers };
}

/** The receipt of an append that met its own key. While the first has no receipt yet, its place is known at least. */
export function duplicateOf(appended: Appended): Receipt {
  if (appended.receipt !== undefined) return duplicateReceipt(appended.receipt);
  return { ...receiptOf({ ...appended, receivers: 0 }), duplicate: true };
}

/** The first receipt, as a duplicate gets it. */
export const duplicateReceipt = (first: StoredReceipt): Receipt => ({
  ...(JSON.parse(first) as Receipt), // written by Publisher
  duplicate: true,
});
