import { setTimeout as sleep } from "node:timers/promises";
import type { Mending } from "../../port.ts";
import { EVERY_PARTITION, PARTITIONS } from "../wire/keys.ts";
import type { Plan, Step } from "./entries.ts";

export interface RoundsParts {
  readonly plans: readonly Plan[];
  /** Duration of a round through all partitions, in milliseconds. */
  readonly roundMs: number;
  readonly isUp: () => boolean;
  readonly onMended: (what: Mending, partition: number, count: number) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Compares all entries of this node with Redis, again and again: partition by partition, a script at a time, spread
 * evenly over the round. What is lost or left over without a failure that anybody notices lasts a round at most.
 */
export class Rounds {
  readonly #parts: RoundsParts;
  readonly #stop = new AbortController();

  constructor(parts: RoundsParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Compares some partitions now. */
  async visit(partitions: readonly number[]): Promise<void> {
    const steps = await this.#plan();
    for (const partition of partitions) for (const step of steps[partition] ?? []) await this.#take(step);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const partitionMs = this.#parts.roundMs / PARTITIONS;
    while (!signal.aborted) {
      const steps = await this.#plan();
      for (const partition of EVERY_PARTITION) {
        const some = steps[partition] ?? [];
        steps[partition] = [];
        for (const step of some) {
          await sleep(partitionMs / some.length, undefined, { ref: false, signal }).catch(() => undefined);
          await this.#take(step);
        }
      }
    }
  }

  /** @returns the steps of each partition. Each has at least one, so a round takes its time on an idle node too */
  async #plan(): Promise<Step[][]> {
    const planned: Step[][][] = [];
    for (const plan of this.#parts.plans) planned.push(await plan());
    return EVERY_PARTITION.map((partition) => planned.flatMap((steps) => steps[partition] ?? []));
  }

  async #take({ what, partition, run }: Step): Promise<void> {
    const { isUp, onMended, onError } = this.#parts;
    if (this.#stop.signal.aborted || !isUp()) return;
    try {
      const count = await run();
      if (count > 0) onMended(what, partition, count);
    } catch (error) {
      if (isUp()) onError(error);
    }
  }
}
