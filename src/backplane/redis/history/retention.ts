import type { LocalNode } from "../../local-node.ts";
import type { Connection } from "../connection/connection.ts";
import { EVERY_PARTITION, PARTITIONS } from "../wire/keys.ts";
import type { Histories } from "./histories.ts";

/** Retention by age for channels that nobody reads: each node expires the messages of one partition after the other. */
export class Retention {
  readonly #connection: Connection;
  readonly #node: LocalNode;
  readonly #histories: Histories;
  readonly #timer: NodeJS.Timeout;
  /** Starts at random, so that nodes which start together visit different partitions. */
  #next = Math.floor(Math.random() * PARTITIONS);

  constructor(connection: Connection, node: LocalNode, histories: Histories, everyMs: number) {
    this.#connection = connection;
    this.#node = node;
    this.#histories = histories;
    this.#timer = setInterval(() => void this.#expireNext(), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #expireNext(): Promise<void> {
    if (!this.#connection.isUp) return;
    const partition = EVERY_PARTITION[this.#next++ % PARTITIONS] ?? 0;
    try {
      await this.#histories.expire(partition);
    } catch (error) {
      if (this.#connection.isNews(error)) this.#node.report("history", error);
    }
  }
}
