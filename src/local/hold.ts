import type { Position } from "../protocol/protocol.ts";
import type { Packet } from "./packet.ts";

/** A live stored message on hold until the replay reaches its offset. */
export interface Held {
  readonly offset: number;
  readonly packet: Packet;
}

/**
 * Live stored messages of one channel, held back while the channel is replayed to the connection. A full hold drops its
 * oldest message. The history has it, and the replay reads on until the oldest message on hold.
 */
export class Hold {
  readonly #limit: number;
  #held: Held[] = [];
  /** Where the replay stands: everything up to here is queued. Undefined until its start is known. */
  reached: Position | "first" | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(held: Held): void {
    if (this.#held.length === this.#limit) this.#held.shift();
    this.#held.push(held);
  }

  /** Drops all messages. */
  clear(): void {
    this.#held = [];
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
    const following = this.#held.filter((held) => held.offset > offset);
    const next = following[0];
    return next === undefined || next.offset === offset + 1 ? following : undefined;
  }
}
