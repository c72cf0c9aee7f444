import { setTimeout as sleep } from "node:timers/promises";
import type { MessageSink } from "./sink.ts";

/** Longest time between two looks for old records. */
const MAX_INTERVAL_MS = 60_000;

/** Looks within the age, so that a short age is kept well. */
const LOOKS_PER_AGE = 10;

/** Between two steps of a deletion, which leave the database to others. */
const PAUSE_MS = 50;

export interface ExpiryPorts {
  readonly sink: MessageSink;
  /** 0: nothing expires. */
  readonly ageMs: number;
  readonly now: () => number;
  readonly report: (error: unknown) => void;
}

/** Deletes records over their age, in small steps. */
export class Expiry {
  readonly #ports: ExpiryPorts;
  readonly #stop = new AbortController();

  constructor(ports: ExpiryPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { sink, ageMs } = this.#ports;
    if (ageMs > 0 && sink.expire !== undefined) void this.#run(sink.expire.bind(sink));
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(expire: (before: number) => Promise<number>): Promise<void> {
    const { ageMs, now, report } = this.#ports;
    const intervalMs = Math.min(MAX_INTERVAL_MS, ageMs / LOOKS_PER_AGE);
    // The nodes of a cluster share one database: a random delay keeps them apart.
    while (await this.#pause(intervalMs * (0.5 + Math.random()))) {
      try {
        while ((await expire(now() - ageMs)) > 0 && (await this.#pause(PAUSE_MS)));
      } catch (error) {
        if (!this.#stop.signal.aborted) report(error);
      }
    }
  }

  /** @returns false when it was stopped */
  async #pause(delayMs: number): Promise<boolean> {
    const { signal } = this.#stop;
    return sleep(delayMs, true, { signal, ref: false }).catch(() => false);
  }
}
