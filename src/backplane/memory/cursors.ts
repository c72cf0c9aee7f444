import { type Channel, type Position, TidingsError } from "../../protocol/protocol.ts";
import { cursorName } from "../cursors.ts";
import type { LocalNode } from "../local-node.ts";
import type { Cursors } from "../port.ts";
import type { Histories } from "./histories.ts";

/** Cursors, kept with the history of their channel and lost with it. */
export class MemoryCursors implements Cursors {
  readonly #node: LocalNode;
  readonly #histories: Histories;
  /** Number of watches by channel. */
  readonly #watches = new Map<Channel, number>();

  constructor(node: LocalNode, histories: Histories) {
    this.#node = node;
    this.#histories = histories;
  }

  async read(user: string, device: string, channels: readonly Channel[]): Promise<(Position | undefined)[]> {
    this.#node.assertStarted();
    const name = cursorName(user, device);
    return channels.map((channel) => {
      const history = this.#histories.find(channel);
      const offset = history?.cursors?.get(name);
      return history === undefined || offset === undefined ? undefined : { epoch: history.epoch, offset };
    });
  }

  async move(
    user: string,
    device: string,
    channel: Channel,
    { offset, epoch }: { offset: number; epoch?: string },
  ): Promise<number> {
    const { sink } = this.#node;
    const history = this.#histories.open(channel);
    if (epoch !== undefined && epoch !== history.epoch) {
      throw new TidingsError("conflict", `epoch: the present epoch of ${channel} is ${history.epoch}`);
    }
    if (offset > history.last) {
      throw new TidingsError("bad_request", `offset: the last offset of ${channel} is ${history.last}`);
    }
    const name = cursorName(user, device);
    const before = history.cursors?.get(name);
    if (before !== undefined && before >= offset) return before;
    this.#histories.setCursor(history, name, offset);
    if (this.#watches.has(channel)) sink.acknowledged(channel, user, offset);
    return offset;
  }

  async watch(channel: Channel): Promise<() => void> {
    this.#node.assertStarted();
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
