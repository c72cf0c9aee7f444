import type { Channel, Position } from "../../../protocol/protocol.ts";
import type { HistoryPage, HistoryQuery } from "../../port.ts";
import type { Connection, Script } from "../connection/connection.ts";
import { PartitionMoving } from "../partitions/partitions.ts";
import { partitionOf } from "../wire/keys.ts";
import { decodeEntry } from "../wire/stored-line.ts";
import { EXPIRE, POSITIONS, READ, TRIM, VERIFY } from "./scripts.ts";

export interface HistoryLimits {
  /** Messages retained per channel. */
  readonly count: number;
  /** Age up to which messages are retained, in milliseconds. */
  readonly ageMs: number;
  /** Bytes at which a page ends early. @default 262_144 // 256 KiB */
  readonly pageBytes?: number;
  /** Bytes retained per channel. @default 16_777_216 // 16 MiB */
  readonly channelBytes?: number;
  /** Devices of a user whose cursors a channel keeps. @default 32 */
  readonly devicesPerUser?: number;
}

export const HISTORY_DEFAULTS = { pageBytes: 262_144, channelBytes: 16_777_216, devicesPerUser: 32 };

/** Position up to which a node has delivered a channel. */
export interface Delivered extends Position {
  /** Id of the message at that offset, if the node knows it. */
  readonly id?: string;
}

/** A channel's present history, and the offset after which the node continues in it. */
export interface Verified {
  readonly epoch: string;
  readonly last: number;
  readonly from: number;
}

const MIN_HEAD_MS = 86_400_000;
/** Maximum of channels per script call: a longer call would keep Redis from other work. */
const CHANNELS_PER_CALL = 256;

type Reply = readonly (string | number)[];
type ReadReply = readonly [string, number, number, number, string[], number, number];

/** Reads histories in Redis, and enforces their retention. */
export class Histories {
  readonly #connection: Connection;
  readonly #limits: HistoryLimits;
  readonly #pageBytes: number;

  /** @param limits of all nodes. @param pageBytes of this node */
  constructor(connection: Connection, limits: HistoryLimits, pageBytes = HISTORY_DEFAULTS.pageBytes) {
    this.#connection = connection;
    this.#limits = limits;
    this.#pageBytes = pageBytes;
  }

  /** HEAD_MS: the first argument of every script on histories ({@link historyScript}). */
  get firstArguments(): readonly (string | number)[] {
    // A head and its cursors outlive the messages. Otherwise a client that reconnects late would get a report of a loss
    // that never happened.
    return [Math.max(2 * this.#limits.ageMs, MIN_HEAD_MS)];
  }

  /** Messages retained and age retained: arguments of the scripts that enforce retention. */
  get retentionArguments(): readonly (string | number)[] {
    const { count, ageMs } = this.#limits;
    return [count, ageMs];
  }

  /** Length up to which a list may grow: trimming costs more than appending, so it is done once for many messages. */
  get maxListLength(): number {
    const { count } = this.#limits;
    return count + Math.ceil(count / 8);
  }

  /** Bytes retained per channel. */
  get channelBytes(): number {
    return this.#limits.channelBytes ?? HISTORY_DEFAULTS.channelBytes;
  }

  get devicesPerUser(): number {
    return this.#limits.devicesPerUser ?? HISTORY_DEFAULTS.devicesPerUser;
  }

  async read(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    const isUpwards = "after" in query;
    const range = isUpwards ? ["after", query.after] : ["before", query.before ?? ""];
    const retention = this.retentionArguments;
    const page = [query.limit, this.#pageBytes, (isUpwards && query.id) || ""];
    const args = [...this.firstArguments, channel, ...retention, ...range, ...page];
    const reply = await this.#connection.exec(READ, partitionOf(channel), args);
    const [epoch, first, last, at, entries, lost, differs] = reply as ReadReply;
    const step = isUpwards ? 1 : -1;
    const messages = entries.map((entry, index) =>
      decodeEntry(entry, { channel, epoch, offset: at + step * index }),
    );
    return {
      epoch,
      first,
      last,
      messages: isUpwards ? messages : messages.reverse(),
      ...(lost === 1 && { lost: true }),
      ...(differs === 1 && { differs: true }),
    };
  }

  /** Positions of channels, in the order asked. */
  async positions(channels: readonly Channel[]): Promise<Position[]> {
    const replies = await this.#inPartitions(channels, POSITIONS, 2, (channel) => [channel]);
    return channels.map((channel) => {
      const [epoch = "", offset] = replies.get(channel) ?? [];
      return { epoch: String(epoch), offset: Number(offset) };
    });
  }

  /**
   * Compares what a node has delivered with the histories in Redis; a history that differs gets another epoch.
   * @param onMoving called with each partition that moves to another master: its channels are left out
   */
  async verify(
    delivered: ReadonlyMap<Channel, Delivered>,
    onMoving?: (partition: number) => void,
  ): Promise<Map<Channel, Verified>> {
    const argumentsOf = (channel: Channel): (string | number)[] => {
      const { epoch = "", offset = 0, id = "" } = delivered.get(channel) ?? {};
      return [channel, epoch, offset, id];
    };
    const replies = await this.#inPartitions([...delivered.keys()], VERIFY, 3, argumentsOf, onMoving);
    const verified = new Map<Channel, Verified>();
    for (const [channel, [epoch, last, from]] of replies) {
      verified.set(channel, { epoch: String(epoch), last: Number(last), from: Number(from) });
    }
    return verified;
  }

  /** Removes the oldest messages of a history whose list is too long or too large. */
  async trim(channel: Channel): Promise<void> {
    const { count } = this.#limits;
    const args = [...this.firstArguments, channel, count, this.maxListLength, this.channelBytes];
    await this.#connection.run(TRIM, partitionOf(channel), args);
  }

  /** Removes messages over the retained age from a partition's histories, in the order of the expiry schedule. */
  async expire(partition: number): Promise<void> {
    const { ageMs } = this.#limits;
    const expireSome = async (): Promise<number> => {
      const args = [...this.firstArguments, ageMs, CHANNELS_PER_CALL];
      return Number(await this.#connection.run(EXPIRE, partition, args));
    };
    while ((await expireSome()) === CHANNELS_PER_CALL);
  }

  /** Runs a script that takes many channels of a partition. @returns for each channel its part of the reply */
  async #inPartitions(
    channels: readonly Channel[],
    script: Script,
    repliesEach: number,
    argumentsOf: (channel: Channel) => readonly (string | number)[],
    onMoving?: (partition: number) => void,
  ): Promise<Map<Channel, Reply>> {
    const replies = new Map<Channel, Reply>();
    const ask = async (partition: number, asked: readonly Channel[]): Promise<void> => {
      const args = [...this.firstArguments, ...asked.flatMap(argumentsOf)];
      const reply = (await this.#connection.exec(script, partition, args)) as Reply; // as the script replies
      for (const [index, channel] of asked.entries()) {
        replies.set(channel, reply.slice(index * repliesEach, (index + 1) * repliesEach));
      }
    };
    const asks: Promise<void>[] = [];
    for (const [partition, some] of Map.groupBy(new Set(channels), partitionOf)) {
      for (let start = 0; start < some.length; start += CHANNELS_PER_CALL) {
        const asked = ask(partition, some.slice(start, start + CHANNELS_PER_CALL));
        asks.push(
          asked.catch((error: unknown) => {
            if (!(error instanceof PartitionMoving) || onMoving === undefined) throw error;
            onMoving(partition);
          }),
        );
      }
    }
    await Promise.all(asks);
    return replies;
  }
}
