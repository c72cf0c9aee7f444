import { type Channel, type Position, TidingsError } from "../../protocol/protocol.ts";
import { type Cursors, UNKNOWN } from "../cursors.ts";
import type { LocalNode } from "../local-node.ts";
import { Watches } from "../single/single.ts";
import type { Histories } from "./histories.ts";

/** Cursors, kept with the history of their channel. They outlive its messages. */
export class MemoryCursors implements Cursors {
  readonly #node: LocalNode;
  readonly #histories: Histories;
  readonly #watches = new Watches();

  constructor(node: LocalNode, histories: Histories) {
    this.#node = node;
    this.#histories = histories;
  }

  async read(user: string, device: string, channels: readonly Channel[]): Promise<(Position | undefined)[]> {
    this.#node.assertStarted();
    return channels.map((channel) => this.#cursorOf(user, device, channel));
  }

  #cursorOf(user: string, device: string, channel: Channel): Position | undefined {
    const history = this.#histories.find(channel);
    const cursor = history?.cursors?.find(user, device);
    if (cursor !== undefined) return { epoch: cursor.epoch, offset: cursor.offset };
    // The device may be one whose cursor was dropped, and it may have missed what the history does not have any more.
    const isFull = (history?.cursors?.count(user) ?? 0) >= this.#histories.devicesPerUser;
    const isWhole = history === undefined || (history.first === 1 && !this.#histories.hasLost(history));
    return isFull && !isWhole ? UNKNOWN : undefined;
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
    const before = history.cursors?.find(user, device);
    if (before?.epoch === history.epoch && before.offset >= offset) return before.offset;
    this.#histories.setCursor(history, user, device, offset);
    if (this.#watches.has(channel)) sink.acknowledged(channel, user, offset);
    return offset;
  }

  async watch(channel: Channel): Promise<() => void> {
    this.#node.assertStarted();
    return this.#watches.add(channel);
  }
}
