import type { Channel, Position } from "../../protocol/protocol.ts";

/** Channels that are remembered one by one. A client that misses messages on more is told of all its channels. */
const MAX_CHANNELS = 64;

/**
 * Stored messages that a connection did not get, by channel, until the client is told of them. A connection has this
 * object only after a drop, and its size has a limit.
 */
export class Missed {
  /** Position of each channel's last dropped message. Undefined where it must be asked for. */
  readonly #channels = new Map<Channel, Position | undefined>();
  /** True beyond the limit: any channel of the connection may have missed messages. */
  #isAll = false;

  add(channel: Channel, position: Position | undefined): void {
    if (this.#isAll) return;
    if (this.#channels.has(channel) || this.#channels.size < MAX_CHANNELS) {
      this.#channels.set(channel, position);
    } else this.addAll();
  }

  /** Records that any channel may have missed messages. */
  addAll(): void {
    this.#isAll = true;
    this.#channels.clear();
  }

  has(channel: Channel): boolean {
    return this.#isAll || this.#channels.has(channel);
  }

  /** Forgets a channel: a replay fills its gap, or its history is lost. */
  delete(channel: Channel): void {
    this.#channels.delete(channel);
  }

  get isEmpty(): boolean {
    return !this.#isAll && this.#channels.size === 0;
  }

  /** Takes the channels with their last dropped messages; undefined when any channel may have missed messages. */
  takeAll(): [Channel, Position | undefined][] | undefined {
    const all = this.#isAll ? undefined : [...this.#channels];
    this.#isAll = false;
    this.#channels.clear();
    return all;
  }
}
