import type { Histories } from "./histories.ts";
import { EVERY_PARTITION, PARTITIONS } from "./keys.ts";
import type { Link } from "./link.ts";

/** Retention by age for channels that nobody reads: each node expires the messages of one partition after the other. */
export class Retention {
  readonly #link: Link;
  readonly #histories: Histories;
  readonly #timer: NodeJS.Timeout;
  /** Starts at random, so that nodes which start together visit different partitions. */
  #next = Math.floor(Math.random() * PARTITIONS);

  constructor(link: Link, histories: Histories, everyMs: number) {
    this.#link = link;
    this.#histories = histories;
    this.#timer = setInterval(() => void this.#expireNext(), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #expireNext(): Promise<void> {
    if (!this.#link.isUp) return;
    const partition = EVERY_PARTITION[this.#next++ % PARTITIONS] ?? 0;
    try {
      await this.#histories.expire(partition);
    } catch (error) {
      if (this.#link.isUp) this.#link.sink.report("history", error);
    }
  }
}
