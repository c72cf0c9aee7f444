import { setTimeout as sleep } from "node:timers/promises";
import { backoff } from "../../../protocol/protocol.ts";

const DELAYS = { minMs: 20, maxMs: 1_000 };

/** Compares the node with partitions. @returns those that are moving, and are not compared */
export type Compare = (partitions: readonly number[]) => Promise<readonly number[]>;

/**
 * Partitions with which this node has to be compared: Redis lost their data, or they moved to another master. Each is
 * tried until it succeeds.
 */
export class PendingPartitions {
  readonly #compare: Compare;
  readonly #pending = new Set<number>();
  #isStopped = false;

  constructor(compare: Compare) {
    this.#compare = compare;
  }

  /** Partitions that are added together are compared together. One that cannot be reached holds up no later ones. */
  add(partition: number): void {
    if (this.#pending.size === 0) void this.#work();
    this.#pending.add(partition);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #work(): Promise<void> {
    await sleep(DELAYS.minMs, undefined, { ref: false });
    let partitions: readonly number[] = [...this.#pending];
    this.#pending.clear();
    for (let delays = 1; partitions.length > 0 && !this.#isStopped; delays++) {
      const tried = partitions;
      // A failure is that of an outage, which is reported already.
      partitions = await this.#compare(tried).catch(() => tried);
      if (partitions.length > 0) await sleep(backoff(delays, DELAYS), undefined, { ref: false });
    }
  }
}
