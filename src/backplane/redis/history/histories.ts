import type { Channel, Position } from "../../../protocol/protocol.ts";
import type { HistoryPage, HistoryQuery } from "../../port.ts";
import type { Retained, RetentionRules } from "../../retention/retention.ts";
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
  /** Retention of some channels. @default as that of all others */
  readonly channels?: RetentionRules;
  /** Devices of a user whose cursors a channel keeps. @default 32 */
  readonly devicesPerUser?: number;
}

/** Retention by the settings of all nodes. */
export interface SharedRetention {
  of(channel: Channel): Retained;
  /** The largest retention of any channel, number by number. */
  readonly widest: Retained;
  /** Ages by channel for scripts, JSON; empty when all channels have the same. */
  readonly ages: string;
  readonly devicesPerUser: number;
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

/** Part of the bytes of a channel that a node appends between two measurements of the list. */
const MEASURED_AT = 1 / 8;

/** Length up to which the list of a channel with one message may grow, such as that of a last-value channel. */
const ROOM_FOR_ONE = 9;

/** Length up to which a list may grow: trimming costs more than appending, so it is done once for many messages. */
const roomFor = (count: number): number => (count === 1 ? ROOM_FOR_ONE : count + Math.ceil(count / 8));

function rangeOf(query: HistoryQuery): readonly [string, number | string] {
  if ("after" in query) return ["after", query.after];
  if ("since" in query) return ["since", query.since];
  return ["before", query.before ?? ""];
}

type Reply = readonly (string | number)[];
type ReadReply = readonly [string, number, number, number, string[], number, number];

/** Reads histories in Redis, and enforces their retention. */
export class Histories {
  readonly #connection: Connection;
  readonly #retention: SharedRetention;
  readonly #pageBytes: number;

  /** @param retention of all nodes. @param pageBytes of this node */
  constructor(connection: Connection, retention: SharedRetention, pageBytes = HISTORY_DEFAULTS.pageBytes) {
    this.#connection = connection;
    this.#retention = retention;
    this.#pageBytes = pageBytes;
  }

  /** HEAD_MS: the first argument of every script on histories ({@link historyScript}). */
  get firstArguments(): readonly (string | number)[] {
    // A head and its cursors outlive the messages. Otherwise a client that reconnects late would get a report of a loss
    // that never happened.
    return [Math.max(2 * this.#retention.widest.ageMs, MIN_HEAD_MS)];
  }

  /**
   * The largest retention of any channel, for scripts that append to many: messages, age, and the ages by channel. The rest
   * of a channel's retention follows by {@link trim}.
   */
  get retentionArguments(): readonly (string | number)[] {
    const { widest, ages } = this.#retention;
    return [widest.count, widest.ageMs, ages];
  }

  /** Length up to which any list may grow. */
  get maxListLength(): number {
    return roomFor(this.#retention.widest.count);
  }

  /** True when a list is too long, or so much was appended that its bytes have to be measured. */
  isToTrim(channel: Channel, length: number, appendedBytes: number): boolean {
    const { count, bytes } = this.#retention.of(channel);
    return length > roomFor(count) || appendedBytes >= bytes * MEASURED_AT;
  }

  /** Retention of one channel, by the settings of all nodes. */
  retentionOf(channel: Channel): Retained {
    return this.#retention.of(channel);
  }

  get devicesPerUser(): number {
    return this.#retention.devicesPerUser;
  }

  async read(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    const range = rangeOf(query);
    const isUpwards = range[0] !== "before";
    const { count, ageMs } = this.#retention.of(channel);
    const page = [query.limit, this.#pageBytes, ("after" in query && query.id) || ""];
    const args = [...this.firstArguments, channel, count, ageMs, ...range, ...page];
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
    const { count, bytes } = this.#retention.of(channel);
    const args = [...this.firstArguments, channel, count, roomFor(count), bytes];
    await this.#connection.run(TRIM, partitionOf(channel), args);
  }

  /** Removes messages over the retained age from a partition's histories, in the order of the expiry schedule. */
  async expire(partition: number): Promise<void> {
    const { widest, ages } = this.#retention;
    const expireSome = async (): Promise<number> => {
      const args = [...this.firstArguments, widest.ageMs, ages, CHANNELS_PER_CALL];
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
