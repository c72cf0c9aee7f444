import { type Channel, type Position, TidingsError } from "../protocol/protocol.ts";
import { cursorName } from "./cursors.ts";
import type { MemoryLink } from "./memory-link.ts";
import type { Rings } from "./memory-rings.ts";
import type { Cursors } from "./port.ts";

/** Cursors live with the ring of their channel and are lost with it. */
export class MemoryCursors implements Cursors {
  readonly #link: MemoryLink;
  readonly #rings: Rings;
  /** How many watch each channel. */
  readonly #watches = new Map<Channel, number>();

  constructor(link: MemoryLink, rings: Rings) {
    this.#link = link;
    this.#rings = rings;
  }

  async read(user: string, device: string, channels: readonly Channel[]): Promise<(Position | undefined)[]> {
    this.#link.assertUp();
    const name = cursorName(user, device);
    return channels.map((channel) => {
      const ring = this.#rings.find(channel);
      const offset = ring?.cursors?.get(name);
      return ring === undefined || offset === undefined ? undefined : { epoch: ring.epoch, offset };
    });
  }

  async move(
    user: string,
    device: string,
    channel: Channel,
    { offset, epoch }: { offset: number; epoch?: string },
  ): Promise<number> {
    const { sink } = this.#link;
    const ring = this.#rings.open(channel);
    if (epoch !== undefined && epoch !== ring.epoch) {
      throw new TidingsError("conflict", `epoch: the history of ${channel} is now ${ring.epoch}`);
    }
    if (offset > ring.last) {
      throw new TidingsError("bad_request", `offset: the last of ${channel} is ${ring.last}`);
    }
    const name = cursorName(user, device);
    const before = ring.cursors?.get(name);
    if (before !== undefined && before >= offset) return before;
    this.#rings.setCursor(ring, name, offset);
    if (this.#watches.has(channel)) sink.acknowledged(channel, user, offset);
    return offset;
  }

  async watch(channel: Channel): Promise<() => void> {
    this.#link.assertUp();
    this.#watches.set(channel, (this.#watches.get(channel) ?? 0) + 1);
    let watching = true;
    return () => {
      if (watching) this.#unwatch(channel);
      watching = false;
    };
  }

  #unwatch(channel: Channel): void {
    const left = (this.#watches.get(channel) ?? 0) - 1;
    if (left > 0) this.#watches.set(channel, left);
    else this.#watches.delete(channel);
  }
}
