import type { Channel, Position } from "../protocol/protocol.ts";
import type { StoredReceipt } from "./idempotency.ts";
import type { Message, MessageEdit, StoredMessage } from "./message.ts";

/** Transport of messages between nodes, and their histories. */
export interface Broker {
  /**
   * Sends an ephemeral message to the other nodes that have members of its channel. At most once.
   * @returns how many nodes those are, without nodes that are known to hear nothing
   */
  relay(message: Message): number | Promise<number>;
  /**
   * Asks the other nodes with members of the message's channel to report which of their connections take it. It is
   * called right before the message is published.
   * @returns the reports, once all nodes have answered or a timeout has ended; undefined when it is known that there are none
   */
  tally(message: Message): Promise<Tallied> | undefined;
  /**
   * Appends to the channel's history, gives the next offset, delivers to every node with members.
   * With a key, a duplicate within the idempotency window appends and delivers nothing, and is answered with the first
   * message's position (`duplicate: true`), also when both come at the same time.
   * Consecutive appends to one channel keep their order, without waiting for the promises.
   * Keys share one space with {@link Idempotency}: when the first message was ephemeral, the answer has its receipt and
   * the offset 0.
   */
  append(message: Message, key?: string): Promise<Appended>;
  /**
   * Replaces the data of a stored message where it lies, and appends the notice of it, in one atomic step: whoever gets the notice, live
   * or later, finds the new data in the history. The message keeps its offset, id and key, and becomes what `changed` (message.ts)
   * makes of it. The data of an earlier notice of the same message is taken out, by `withdrawn`.
   * @returns the position of the notice, which is delivered as an appended message is
   * @throws TidingsError `not_found` when the history has another epoch, does not retain the offset, or the message is deleted
   */
  edit(edit: MessageEdit): Promise<Appended>;
  /**
   * Reads part of a channel's history, oldest first. MUST answer within retention: nothing over its count or age. A page
   * ends early at the configured bytes, and MUST have one message at least when there is one: it never ends a walk.
   */
  history(channel: Channel, query: HistoryQuery): Promise<HistoryPage>;
  /**
   * Reads the current position of each channel, in the order asked: epoch and last offset (0 when empty). The position
   * of a channel without messages MUST stay valid when its first message comes.
   */
  positions(channels: readonly Channel[]): Promise<Position[]>;
  /**
   * Asks for the stored messages of a channel on this node, until {@link unlisten}, as if it had a member: by `sink.deliver`, and
   * `sink.lost`. Each message that is appended once the promise has resolved MUST arrive. It makes nobody a member: presence,
   * groups, receipts and ephemeral messages know nothing of it. A second call for the channel changes nothing.
   */
  listen(channel: Channel): Promise<void>;
  unlisten(channel: Channel): Promise<void>;
}

/**
 * Connections that a message reached on one node. While queues are full and their policy is to wait, the counts change
 * until the queues have drained or the wait has ended.
 */
export interface Reached {
  /** Connections that took the message. */
  readonly connections: number;
  /** Connections whose full send queue refused it. */
  readonly dropped: number;
}

/** Reports of other nodes. */
export interface Tallied extends Reached {
  /** Nodes that were asked and did not answer. */
  readonly silent: number;
}

export const NOBODY: Reached = { connections: 0, dropped: 0 };

/** Answer to an append: the message's position in the history of its channel. */
export interface Appended extends Position {
  readonly id: string;
  readonly timestamp: number;
  /** Connections of this node. */
  readonly here: Reached;
  /** Number of other nodes to which it was sent. Whether it arrived there is not known. */
  readonly nodes: number;
  readonly duplicate: boolean;
  /** For a duplicate: the receipt of the first publish, once that is known. */
  readonly receipt?: StoredReceipt;
}

/**
 * `after`: upwards from an offset, at which the message `id` is expected. `since`: upwards from the first message whose timestamp is
 * not below a time, in milliseconds since 1970. `before`: the newest page below an offset (default: the end).
 */
export type HistoryQuery =
  | { after: number; id?: string | undefined; limit: number }
  | { since: number; limit: number }
  | { before?: number; limit: number };

export interface HistoryPage {
  readonly epoch: string;
  /** The lowest offset still retained; `last + 1` when there is none. */
  readonly first: number;
  /** The highest offset ever given; 0 when there was none. */
  readonly last: number;
  readonly messages: readonly StoredMessage[];
  /**
   * True when messages were lost before the first one that retention would still have. Only a page after the offset 0
   * tells it.
   */
  readonly lost?: boolean;
  /** True when another message is retained at the offset `after` than the one that was expected there. */
  readonly differs?: boolean;
}
