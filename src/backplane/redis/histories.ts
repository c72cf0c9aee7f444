import { randomBytes } from "node:crypto";
import type { Channel, Position } from "../../protocol/protocol.ts";
import type { HistoryPage, HistoryQuery } from "../port.ts";
import type { Connection, Script } from "./connection/connection.ts";
import { decodeEntry } from "./entry.ts";
import { AGE, CUT, POSITIONS, READ, VERIFY } from "./history-scripts.ts";
import { partitionOf } from "./keys.ts";

export interface HistoryLimits {
  /** Messages retained per channel. */
  readonly count: number;
  readonly ageMs: number;
}

/** How far a node has delivered a channel. */
export interface Seen extends Position {
  /** The message at that offset, where it is known. */
  readonly id?: string;
}

/** What a channel's history is now, and after which offset of it the node goes on. */
export interface Verified {
  readonly epoch: string;
  readonly last: number;
  readonly from: number;
}

const SHORTEST_HEAD_MS = 86_400_000;
/** Channels in one script call: it must not keep Redis from other work. */
const CHANNELS_PER_CALL = 256;

/** Reads histories in Redis. */
export class Histories {
  readonly #connection: Connection;
  readonly #limits: HistoryLimits;
  readonly #now: () => number;

  constructor(connection: Connection, limits: HistoryLimits, now: () => number) {
    this.#connection = connection;
    this.#limits = limits;
    this.#now = now;
  }

  /** What every script on histories begins with: what to call the data should it be new, and the lifetime of a head. */
  get opening(): readonly (string | number)[] {
    // A channel's head and cursors outlive its messages, so that who returns late is not told of a loss that was none.
    return [randomBytes(8).toString("base64url"), Math.max(2 * this.#limits.ageMs, SHORTEST_HEAD_MS)];
  }

  /** Count, age and time, as the scripts want them. */
  get retention(): readonly (string | number)[] {
    const { count, ageMs } = this.#limits;
    return [count, ageMs, this.#now()];
  }

  /** Messages that a list may take: cutting costs more than appending, so it is done now and then. */
  get room(): number {
    const { count } = this.#limits;
    return count + Math.ceil(count / 8);
  }

  async read(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    const range = "after" in query ? ["after", query.after] : ["before", query.before ?? ""];
    const args = [...this.opening, channel, ...this.retention, ...range, query.limit];
    const answer = await this.#connection.exec(READ, partitionOf(channel), args);
    const [epoch, first, last, from, lines] = answer as [string, number, number, number, string[]]; // by the script
    const messages = lines.map((line, index) => decodeEntry(line, { channel, epoch, offset: from + index }));
    return { epoch, first, last, messages };
  }

  /** Where channels stand, in the order asked. */
  async positions(channels: readonly Channel[]): Promise<Position[]> {
    const answers = await this.#inPartitions(channels, POSITIONS, 2, (channel) => [channel]);
    return channels.map((channel) => {
      const [epoch = "", offset] = answers.get(channel) ?? [];
      return { epoch: String(epoch), offset: Number(offset) };
    });
  }

  /** Compares what was seen of each channel with what there is; a history that is another one now has another epoch. */
  async verify(seen: ReadonlyMap<Channel, Seen>): Promise<Map<Channel, Verified>> {
    const answers = await this.#inPartitions([...seen.keys()], VERIFY, 3, (channel) => {
      const { epoch = "", offset = 0, id = "" } = seen.get(channel) ?? {};
      return [channel, epoch, offset, id];
    });
    const verified = new Map<Channel, Verified>();
    for (const [channel, [epoch, last, from]] of answers) {
      verified.set(channel, { epoch: String(epoch), last: Number(last), from: Number(from) });
    }
    return verified;
  }

  /** Takes the oldest messages out of a history that has become too long. */
  async cut(channel: Channel): Promise<void> {
    await this.#connection.run(CUT, partitionOf(channel), [
      ...this.opening,
      channel,
      this.#limits.count,
      this.room,
    ]);
  }

  /** Takes messages that are too old out of a partition, where that is due. */
  async age(partition: number): Promise<void> {
    const { ageMs } = this.#limits;
    const look = async (): Promise<number> => {
      const args = [...this.opening, ageMs, this.#now(), CHANNELS_PER_CALL];
      return Number(await this.#connection.run(AGE, partition, args));
    };
    while ((await look()) === CHANNELS_PER_CALL);
  }

  /** Runs a script that takes many channels of a partition. @returns for each channel its part of the answer */
  async #inPartitions(
    channels: readonly Channel[],
    script: Script,
    answersEach: number,
    argumentsOf: (channel: Channel) => readonly (string | number)[],
  ): Promise<Map<Channel, readonly (string | number)[]>> {
    const answers = new Map<Channel, readonly (string | number)[]>();
    const ask = async (partition: number, asked: readonly Channel[]): Promise<void> => {
      const args = [...this.opening, ...asked.flatMap(argumentsOf)];
      const answer = (await this.#connection.exec(script, partition, args)) as (string | number)[]; // by the script
      for (const [index, channel] of asked.entries()) {
        answers.set(channel, answer.slice(index * answersEach, (index + 1) * answersEach));
      }
    };
    const asks: Promise<void>[] = [];
    for (const [partition, some] of Map.groupBy(new Set(channels), partitionOf)) {
      for (let start = 0; start < some.length; start += CHANNELS_PER_CALL) {
        asks.push(ask(partition, some.slice(start, start + CHANNELS_PER_CALL)));
      }
    }
    await Promise.all(asks);
    return answers;
  }
}
