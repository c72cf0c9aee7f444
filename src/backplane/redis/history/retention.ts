import { TidingsError } from "../../../protocol/protocol.ts";
import type { LocalNode } from "../../local-node.ts";
import { type Connection, forEachConcurrently } from "../connection/connection.ts";
import { EVERY_PARTITION, PARTITIONS } from "../wire/keys.ts";
import type { Histories } from "./histories.ts";
import { Relief } from "./relief.ts";

const nearlyFull = (channels: number): TidingsError =>
  new TidingsError(
    "unavailable",
    `Redis is nearly full: ${channels} channels lost the older half of their messages`,
  );

/**
 * Retention by age for channels that nobody reads: each node expires the messages of one partition after the other. It
 * also makes room in a Redis that is nearly full.
 */
export class Retention {
  readonly #connection: Connection;
  readonly #node: LocalNode;
  readonly #histories: Histories;
  readonly #relief: Relief;
  readonly #timer: NodeJS.Timeout;
  /** Starts at random, so that nodes which start together visit different partitions. */
  #next = Math.floor(Math.random() * PARTITIONS);

  constructor(connection: Connection, node: LocalNode, histories: Histories, everyMs: number) {
    this.#connection = connection;
    this.#node = node;
    this.#histories = histories;
    this.#relief = new Relief(connection, histories);
    this.#timer = setInterval(() => void this.#expireNext(), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Makes room in a Redis that is nearly full: first in this partition, then in the following ones, until it is not. */
  async #relieve(first: number): Promise<void> {
    let channels = 0;
    for (let visited = 0; visited < PARTITIONS; visited++) {
      const relieved = await this.#relief.visit((first + visited) % PARTITIONS);
      if (relieved === undefined) break;
      channels += relieved;
    }
    if (channels > 0) this.#node.report("history", nearlyFull(channels));
  }

  async #expireNext(): Promise<void> {
    if (!this.#connection.isUp) return;
    const next = EVERY_PARTITION[this.#next++ % PARTITIONS] ?? 0;
    // In a full Redis nothing is stored until something has expired, wherever that is.
    const partitions = this.#connection.refusal === "full" ? EVERY_PARTITION : [next];
    try {
      await forEachConcurrently(partitions, (partition) => this.#histories.expire(partition));
      await this.#relieve(next);
    } catch (error) {
      if (this.#connection.isNews(error)) this.#node.report("history", error);
    }
  }
}
