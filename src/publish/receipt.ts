import {
  type Appended,
  type Message,
  NOBODY,
  type Reached,
  type StoredReceipt,
  type Tallied,
} from "../backplane/backplane.ts";
import type { ErrorCode, ReceiptState, Receipt as SentReceipt } from "../protocol/protocol.ts";

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
  readonly state: ReceiptState;
  readonly id: string;
  readonly timestamp: number;
  readonly connections: number;
  readonly nodes: number;

  /**
   * @param here connections of this node that the message reached
   * @param nodes other nodes to which it was sent
   */
  constructor({ id, timestamp }: Message, here: Reached, nodes: number) {
    this.state = stateOf(here, nodes, "offline");
    this.id = id;
    this.timestamp = timestamp;
    this.connections = here.connections;
    this.nodes = nodes;
  }
}

/** Receipt of a stored message. A class as well: the message log keeps the receipts of many publishes at a time. */
class AppendedReceipt implements Receipt {
  readonly state: ReceiptState;
  readonly id: string;
  readonly timestamp: number;
  readonly epoch: string;
  readonly offset: number;
  readonly connections: number;
  readonly nodes: number;

  constructor({ id, timestamp, epoch, offset, here, nodes }: Appended) {
    this.state = stateOf(here, nodes, "stored");
    this.id = id;
    this.timestamp = timestamp;
    this.epoch = epoch;
    this.offset = offset;
    this.connections = here.connections;
    this.nodes = nodes;
  }
}

/** Makes the receipt of a stored message. */
export const receiptOf = (appended: Appended): Receipt => new AppendedReceipt(appended);

/** States no more than is known. @param unreached the state of a message that no connection was there for */
function stateOf(
  { connections, dropped }: Reached,
  nodes: number,
  unreached: "offline" | "stored",
): ReceiptState {
  if (connections > 0) return "delivered";
  if (nodes > 0) return "routed";
  return dropped > 0 ? "dropped" : unreached;
}

/** Adds what other nodes have reported. A node that did not answer leaves the state as it was. */
export function countedReceipt(receipt: Receipt, tallied: Tallied | undefined): Receipt {
  if (receipt.duplicate) return receipt;
  const { connections, nodes, state, offset } = receipt;
  const total = connections + (tallied?.connections ?? 0);
  if (state !== "routed" || tallied === undefined || (total === 0 && tallied.silent > 0))
    return { ...receipt, total };
  const reached = { connections: total, dropped: tallied.dropped };
  const known = stateOf(reached, 0, offset === undefined ? "offline" : "stored");
  return { ...receipt, nodes, state: known, total };
}

/** Makes the receipt of a duplicate append. Until the first publish has completed, only its position is known. */
export function duplicateOf(appended: Appended): Receipt {
  if (appended.receipt !== undefined) return duplicateReceipt(appended.receipt);
  return { ...receiptOf({ ...appended, here: NOBODY, nodes: 0 }), duplicate: true };
}

/** Marks the first receipt as that of a duplicate. */
export const duplicateReceipt = (first: StoredReceipt): Receipt => ({
  ...(JSON.parse(first) as Receipt), // written by Publisher
  duplicate: true,
});
