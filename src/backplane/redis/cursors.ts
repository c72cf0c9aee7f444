import { type Channel, type Position, TidingsError } from "../../protocol/protocol.ts";
import { cursorName } from "../cursors.ts";
import type { Cursors } from "../port.ts";
import { MOVE_CURSOR, READ_CURSORS, WATCH } from "./cursor-scripts.ts";
import type { Histories } from "./histories.ts";
import { partitionOf } from "./keys.ts";
import type { Link } from "./link.ts";

/** Redis forgets who watches after this; a wait for an acknowledgement is shorter. */
const WATCH_MS = 3_600_000;

/** The cursors of devices, beside the history of their channel. */
export class RedisCursors implements Cursors {
  readonly #link: Link;
  readonly #histories: Histories;
  /** How many watch each channel on this node. */
  readonly #watches = new Map<Channel, number>();

  constructor(link: Link, histories: Histories) {
    this.#link = link;
    this.#histories = histories;
    // The channel comes back as it was watched.
    link.on("A", ([, channel, user = "", offset]) =>
      link.sink.acknowledged(channel as Channel, user, Number(offset)),
    );
  }

  async read(user: string, device: string, channels: readonly Channel[]): Promise<(Position | undefined)[]> {
    this.#link.assertUp();
    const cursors = new Map<Channel, Position>();
    const read = async (partition: number, some: readonly Channel[]): Promise<void> => {
      const answer = await this.#link.run(READ_CURSORS, partition, [
        ...this.#histories.opening,
        cursorName(user, device),
        ...some,
      ]);
      for (const [index, text] of (answer as string[]).entries()) {
        const [offset, epoch = ""] = text.split(" ");
        const channel = some[index];
        if (text !== "" && channel !== undefined) cursors.set(channel, { epoch, offset: Number(offset) });
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
    const args = [...this.#histories.opening, channel, cursorName(user, device), user, offset, epoch];
    const answer = await this.#link.run(MOVE_CURSOR, partitionOf(channel), args);
    const [what, detail] = answer as [string, string]; // by the script
    if (what === "epoch")
      throw new TidingsError("conflict", `epoch: the history of ${channel} is now ${detail}`);
    if (what === "offset")
      throw new TidingsError("bad_request", `offset: the last of ${channel} is ${detail}`);
    return Number(what);
  }

  async watch(channel: Channel): Promise<() => void> {
    this.#link.assertUp();
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

  #unwatch(channel: Channel): void {
    const left = (this.#watches.get(channel) ?? 0) - 1;
    if (left > 0) this.#watches.set(channel, left);
    else {
      this.#watches.delete(channel);
      // It ends by itself should this fail.
      this.#watch(channel, 0).catch(() => undefined);
    }
  }

  async #watch(channel: Channel, forMs: number): Promise<void> {
    await this.#link.run(WATCH, partitionOf(channel), [channel, this.#link.token, forMs]);
  }
}
