import type { Link } from "./connection/connection.ts";
import type { Histories } from "./histories.ts";
import { EVERY_PARTITION, PARTITIONS } from "./keys.ts";

/** Has histories of channels that nobody reads lose what is too old: each node looks after one partition at a time. */
export class Aging {
  readonly #link: Link;
  readonly #histories: Histories;
  readonly #timer: NodeJS.Timeout;
  /** Nodes that start together should not look after the same one. */
  #next = Math.floor(Math.random() * PARTITIONS);

  constructor(link: Link, histories: Histories, everyMs: number) {
    this.#link = link;
    this.#histories = histories;
    this.#timer = setInterval(() => void this.#lookAfter(), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #lookAfter(): Promise<void> {
    if (!this.#link.isUp) return;
    const partition = EVERY_PARTITION[this.#next++ % PARTITIONS] ?? 0;
    try {
      await this.#histories.age(partition);
    } catch (error) {
      if (this.#link.isUp) this.#link.sink.report("history", error);
    }
  }
}
