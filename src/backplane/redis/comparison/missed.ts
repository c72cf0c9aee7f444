import type { LocalNode } from "../../local-node.ts";

export interface MissedEventsParts {
  readonly node: LocalNode;
  readonly isUp: () => boolean;
  /** Time in which all nodes announce their connections again after an outage or a loss of data, in milliseconds. */
  readonly settleMs: number;
  /** Reads acknowledgements again that watches may have missed. */
  readonly readAcks: () => Promise<void>;
}

/**
 * Events between nodes reach a node at most once. This tells the hub when some may be missing: after each outage, after Redis
 * has lost data, and once in a round, because a master of a Redis Cluster may drop what it passes to another one.
 */
export class MissedEvents {
  readonly #parts: MissedEventsParts;
  readonly #isSettled = () => this.#settling === undefined && this.#parts.isUp();
  /** Runs until the other nodes have announced their connections again: until then users who are online seem offline. */
  #settling: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(parts: MissedEventsParts) {
    this.#parts = parts;
  }

  /** Events arrive again. */
  recovered(): void {
    if (this.#isStopped) return;
    // The other nodes may recover later than this one.
    this.settle();
    this.#parts.node.sink.presenceMissed(this.#isSettled);
    this.#parts.readAcks().catch((error: unknown) => {
      if (this.#parts.isUp()) this.#parts.node.report("acknowledgements", error);
    });
  }

  /** Redis has lost data, or may have: tells the hub when all nodes have announced their connections again. */
  settle(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      this.#settling = undefined;
      this.tell();
    }, this.#parts.settleMs).unref();
  }

  /** Tells the hub now, unless it will hear later. */
  tell(): void {
    // The end of an outage tells it again.
    if (!this.#isStopped && this.#isSettled()) this.#parts.node.sink.presenceMissed(this.#isSettled);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#settling);
  }
}
