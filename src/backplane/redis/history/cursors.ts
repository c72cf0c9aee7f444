import { type Channel, type Position, TidingsError, targetOf } from "../../../protocol/protocol.ts";
import { UNKNOWN } from "../../cursors.ts";
import type { LocalNode } from "../../local-node.ts";
import type { Cursors } from "../../port.ts";
import type { Bus } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import { partitionOf } from "../wire/keys.ts";
import { LINE } from "../wire/lines.ts";
import { MOVE_CURSOR, READ_ACKS, READ_CURSORS, WATCH } from "./cursor-scripts.ts";
import type { Histories } from "./histories.ts";

/** Lifetime of a watch in Redis. A wait for an acknowledgement is shorter. */
const WATCH_MS = 3_600_000;
/** Watched channels in one script. A script takes about a millisecond. */
const CHANNELS_PER_SCRIPT = 200;

/**
 * Cursors of devices, stored beside the history of their channel. They outlive its messages: the epoch of a cursor tells
 * a device that comes back whether messages were lost.
 */
export class RedisCursors implements Cursors {
  readonly #connection: Connection;
  readonly #bus: Bus;
  readonly #node: LocalNode;
  readonly #histories: Histories;
  /** Number of watches of each channel on this node. */
  readonly #watches = new Map<Channel, number>();

  constructor(connection: Connection, bus: Bus, node: LocalNode, histories: Histories) {
    this.#connection = connection;
    this.#bus = bus;
    this.#node = node;
    this.#histories = histories;
    // The channel was checked by the node that began the watch.
    bus.on(LINE.ack, ([, channel, user = "", offset]) =>
      node.sink.acknowledged(channel as Channel, user, Number(offset)),
    );
  }

  async read(user: string, device: string, channels: readonly Channel[]): Promise<(Position | undefined)[]> {
    this.#connection.assertUp();
    const cursors = new Map<Channel, Position>();
    const read = async (partition: number, some: readonly Channel[]): Promise<void> => {
      const reply = await this.#connection.run(READ_CURSORS, partition, [
        ...this.#histories.firstArguments,
        user,
        device,
        this.#histories.devicesPerUser,
        ...some,
      ]);
      for (const [index, text] of (reply as string[]).entries()) {
        const [offset, epoch = ""] = text.split(" ");
        const channel = some[index];
        if (text === "" || channel === undefined) continue;
        cursors.set(channel, text === "?" ? UNKNOWN : { epoch, offset: Number(offset) });
      }
    };
    await Promise.all(
      [...Map.groupBy(channels, partitionOf)].map(([partition, some]) => read(partition, some)),
    );
    return channels.map((channel) => cursors.get(channel));
  }

  async move(
    user: string,
    device: string,
    channel: Channel,
    { offset, epoch = "" }: { offset: number; epoch?: string },
  ): Promise<number> {
    const { firstArguments, devicesPerUser } = this.#histories;
    const args = [...firstArguments, channel, user, device, offset, epoch, devicesPerUser];
    const reply = await this.#connection.run(MOVE_CURSOR, partitionOf(channel), args);
    const [cursor, detail] = reply as [string, string]; // by the script, which returns the name of the argument that it refuses
    if (cursor === "epoch")
      throw new TidingsError("conflict", `epoch: the present epoch of ${channel} is ${detail}`);
    if (cursor === "offset")
      throw new TidingsError("bad_request", `offset: the last offset of ${channel} is ${detail}`);
    return Number(cursor);
  }

  async watch(channel: Channel): Promise<() => void> {
    this.#connection.assertUp();
    const before = this.#watches.get(channel) ?? 0;
    this.#watches.set(channel, before + 1);
    let watching = true;
    const unwatch = (): void => {
      if (watching) this.#unwatch(channel);
      watching = false;
    };
    try {
      await this.#watch(channel, WATCH_MS);
    } catch (error) {
      unwatch();
      throw error;
    }
    return unwatch;
  }

  /** Channels that this node watches. */
  get channels(): Iterable<Channel> {
    return this.#watches.keys();
  }

  /** Restores watches that Redis has lost. @returns number of watches restored */
  async compare(channels: readonly Channel[]): Promise<number> {
    const watched = channels.filter((channel) => this.#watches.has(channel));
    const restored = await Promise.all(watched.map((channel) => this.#watch(channel, WATCH_MS)));
    return restored.reduce((sum, added) => sum + added, 0);
  }

  /** Passes on acknowledgements whose lines may have been lost in an outage. Only users acknowledge, each for one channel. */
  async catchUp(): Promise<void> {
    const watched = [...this.#watches.keys()].flatMap((channel) => {
      const user = targetOf(channel).to;
      return user === undefined ? [] : [{ channel, user }];
    });
    for (const [partition, some] of Map.groupBy(watched, ({ channel }) => partitionOf(channel))) {
      for (let start = 0; start < some.length; start += CHANNELS_PER_SCRIPT) {
        await this.#catchUp(partition, some.slice(start, start + CHANNELS_PER_SCRIPT));
      }
    }
  }

  async #catchUp(
    partition: number,
    some: readonly { readonly channel: Channel; readonly user: string }[],
  ): Promise<void> {
    const named = some.flatMap(({ channel, user }) => [channel, user]);
    const reply = await this.#connection.run(READ_ACKS, partition, [
      ...this.#histories.firstArguments,
      ...named,
    ]);
    for (const [index, offset] of (reply as number[]).entries()) {
      const { channel, user } = some[index] ?? {};
      if (channel === undefined || user === undefined || offset === 0) continue;
      this.#node.sink.acknowledged(channel, user, offset);
    }
  }

  #unwatch(channel: Channel): void {
    const left = (this.#watches.get(channel) ?? 0) - 1;
    if (left > 0) this.#watches.set(channel, left);
    else {
      this.#watches.delete(channel);
      // After a failure the watch ends with its lifetime.
      this.#watch(channel, 0).catch(() => undefined);
    }
  }

  async #watch(channel: Channel, forMs: number): Promise<number> {
    return Number(await this.#connection.run(WATCH, partitionOf(channel), [channel, this.#bus.token, forMs]));
  }
}
