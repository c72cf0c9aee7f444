import type { Packet } from "./packet.ts";

/** A stored message that waits until replay has come up to it. */
export interface Held {
  readonly offset: number;
  readonly packet: Packet;
}

/**
 * Live stored messages of one channel while the same channel is replayed to the connection. Bounded: what falls
 * out at the front is in the history, and replay reads on until it meets the front.
 */
export class Hold {
  readonly #limit: number;
  #held: Held[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(held: Held): void {
    if (this.#held.length === this.#limit) this.#held.shift();
    this.#held.push(held);
  }

  /** Forgets everything: the history it belonged to is lost. */
  clear(): void {
    this.#held = [];
  }

  /** Everything that waits. */
  get held(): readonly Held[] {
    return this.#held;
  }

  /** What follows `offset` without a gap: empty when nothing waits, undefined when replay has not come far enough. */
  after(offset: number): readonly Held[] | undefined {
    const following = this.#held.filter((held) => held.offset > offset);
    const next = following[0];
    return next === undefined || next.offset === offset + 1 ? following : undefined;
  }
}
