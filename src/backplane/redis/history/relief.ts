import type { Channel } from "../../../protocol/protocol.ts";
import type { Connection } from "../connection/connection.ts";
import type { Histories } from "./histories.ts";
import { RELIEVE, WEIGH } from "./relief-scripts.ts";

/** Part of `maxmemory` from which Redis counts as nearly full. */
const NEARLY_FULL = 0.9;
/** Channels weighed by one script call: a longer call would keep Redis from other work. */
const CHANNELS_PER_CALL = 256;
/** Channels below this never give way: most likely something else fills Redis. */
const HEAVY_BYTES = 65_536;
/** Part of a partition's bytes that one visit removes. */
const SHARE = 1 / 8;

interface Weight {
  readonly channel: Channel;
  readonly bytes: number;
}

/**
 * Makes room in a Redis that is nearly full and removes nothing by itself (`noeviction`): the heaviest channels of a
 * partition lose the older half of their messages.
 */
export class Relief {
  readonly #connection: Connection;
  readonly #histories: Histories;

  constructor(connection: Connection, histories: Histories) {
    this.#connection = connection;
    this.#histories = histories;
  }

  /** @returns number of channels that have lost messages; undefined if Redis is not nearly full */
  async visit(partition: number): Promise<number | undefined> {
    const weights = await this.#weigh(partition);
    if (weights === undefined) return undefined;
    const total = weights.reduce((sum, { bytes }) => sum + bytes, 0);
    const heavy = weights.filter(({ bytes }) => bytes >= HEAVY_BYTES);
    let removed = 0;
    let channels = 0;
    for (const { channel } of heavy.sort((one, other) => other.bytes - one.bytes)) {
      if (removed >= total * SHARE) break;
      const args = [...this.#histories.firstArguments, channel];
      removed += Number(await this.#connection.run(RELIEVE, partition, args));
      channels++;
    }
    return channels;
  }

  /** Weighs all channels of a partition. @returns undefined if Redis is not nearly full */
  async #weigh(partition: number): Promise<Weight[] | undefined> {
    const weights: Weight[] = [];
    for (let from = 0; ; from += CHANNELS_PER_CALL) {
      const args = [...this.#histories.firstArguments, NEARLY_FULL, from, CHANNELS_PER_CALL];
      const reply = (await this.#connection.run(WEIGH, partition, args)) as (string | number)[]; // as the script replies
      if (reply[0] === 0) return undefined;
      for (let index = 1; index < reply.length; index += 2) {
        weights.push({ channel: reply[index] as Channel, bytes: Number(reply[index + 1]) }); // checked by its publisher
      }
      if (reply.length <= 2 * CHANNELS_PER_CALL) return weights;
    }
  }
}
