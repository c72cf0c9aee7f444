import type { LocalNode } from "./bus/bus.ts";
import type { Connection } from "./connection/connection.ts";
import type { Histories } from "./histories.ts";
import { EVERY_PARTITION, PARTITIONS } from "./keys.ts";

/** Has histories of channels that nobody reads lose what is too old: each node looks after one partition at a time. */
export class Aging {
  readonly #connection: Connection;
  readonly #node: LocalNode;
  readonly #histories: Histories;
  readonly #timer: NodeJS.Timeout;
  /** Nodes that start together should not look after the same one. */
  #next = Math.floor(Math.random() * PARTITIONS);

  constructor(connection: Connection, node: LocalNode, histories: Histories, everyMs: number) {
    this.#connection = connection;
    this.#node = node;
    this.#histories = histories;
    this.#timer = setInterval(() => void this.#lookAfter(), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #lookAfter(): Promise<void> {
    if (!this.#connection.isUp) return;
    const partition = EVERY_PARTITION[this.#next++ % PARTITIONS] ?? 0;
    try {
      await this.#histories.age(partition);
    } catch (error) {
      if (this.#connection.isUp) this.#node.report("history", error);
    }
  }
}
