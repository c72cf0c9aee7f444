import type { Position } from "../protocol/protocol.ts";
import type { Packet } from "./packet.ts";

/** A live stored message on hold until the replay reaches its offset. */
export interface Held {
  readonly offset: number;
  readonly packet: Packet;
}

/** A start some way back from now: at one of the newest messages, at the first one since a time, or at the later one of both. */
export interface Rewind {
  /** Number of messages. */
  readonly last?: number | undefined;
  /** Milliseconds since 1970, by the clock of the messages. */
  readonly since?: number | undefined;
}

/** A position that a client has named, before it was checked that its user may read on from there. */
export interface Claim {
  readonly claimed: Position;
}

/** Budgets of messages on hold. Beyond them the oldest are dropped: the history has them. */
export interface HoldLimits {
  /** Messages of one channel. */
  readonly messages: number;
  /** Bytes of one channel. */
  readonly bytes: number;
  /** Bytes of all holds of the node. */
  readonly node: HeldBytes;
}

/** Bytes of all messages on hold on the node. A message counts once for each connection that holds it. */
export class HeldBytes {
  readonly limit: number;
  total = 0;

  constructor(limit: number) {
    this.limit = limit;
  }
}

/**
 * Live stored messages of one channel, held back while the channel is replayed to the connection. A full hold drops its
 * oldest message. The history has it, and the replay reads on until the oldest message on hold.
 */
export class Hold {
  readonly #limits: HoldLimits;
  #held: Held[] = [];
  #bytes = 0;
  /** Offset of the newest message that was dropped; 0 without one. */
  #dropped = 0;
  /** Offset of the first message on hold, dropped or not. From there on the connection must get everything. */
  first: number | undefined;
  /** Where the replay stands: everything up to here is queued. Undefined until its start is known. */
  reached: Position | Claim | Rewind | "first" | undefined;

  constructor(limits: HoldLimits) {
    this.#limits = limits;
  }

  add(held: Held): void {
    this.first ??= held.offset;
    this.#held.push(held);
    this.#count(held.packet.plain.length);
    while (this.#isFull) {
      const oldest = this.#held.shift();
      if (oldest === undefined) return;
      this.#dropped = oldest.offset;
      this.#count(-oldest.packet.plain.length);
    }
  }

  /** Drops all messages. */
  clear(): void {
    this.#held = [];
    this.#dropped = 0;
    this.first = undefined;
    this.#count(-this.#bytes);
  }

  /** All held messages, oldest first. */
  get held(): readonly Held[] {
    return this.#held;
  }

  /**
   * Held messages after `offset`.
   * @returns undefined when there is a gap before the first of them: the replay must read on
   */
  after(offset: number): readonly Held[] | undefined {
    if (this.#dropped > offset) return undefined;
    const following = this.#held.filter((held) => held.offset > offset);
    const next = following[0];
    return next === undefined || next.offset === offset + 1 ? following : undefined;
  }

  get #isFull(): boolean {
    const { messages, bytes, node } = this.#limits;
    return this.#held.length > messages || this.#bytes > bytes || node.total > node.limit;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#limits.node.total += bytes;
  }
}
