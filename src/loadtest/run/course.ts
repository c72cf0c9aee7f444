import { Series } from "../measure/series.ts";
import type { ServerWatch } from "../server/server.ts";
import type { Look, Workers } from "./workers.ts";

export type Phase = "connecting" | "waiting" | "sending" | "settling";

/** How a run stands, for whoever watches it. Rates are per second, latencies milliseconds. */
export interface Progress {
  readonly phase: Phase;
  /** How much of the phase is done, 0 to 1. */
  readonly share: number;
  readonly open: number;
  readonly wanted: number;
  readonly sentRate: number;
  readonly receivedRate: number;
  readonly p50?: number | undefined;
  readonly p99?: number | undefined;
  readonly failed: number;
  readonly problems: number;
}

export interface CourseOptions {
  readonly workers: Workers;
  readonly servers: readonly ServerWatch[];
  readonly wanted: number;
  readonly everyMs: number;
  /** Milliseconds since the run began. */
  readonly now: () => number;
  readonly onProgress: (progress: Progress) => void;
}

/** How many looks pass between two readings of the servers' metrics. */
const LOOKS_PER_READING = 2;

/** Looks at a run at an interval: the live figures, the series, the servers' metrics. */
export class Course {
  readonly series = new Series();
  /** The longest time in which a process of the tester did not react. */
  loopMs = 0;
  readonly #options: CourseOptions;
  #phase: { name: Phase; share: () => number } = { name: "connecting", share: () => 0 };
  #last: { atMs: number; look: Look } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(options: CourseOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), options.everyMs);
  }

  /** @param share how much of the phase is done, 0 to 1 */
  enter(name: Phase, share: () => number): void {
    this.#phase = { name, share };
  }

  /** Looks once more, and no more after that. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    // A failure of a worker ends the run where it is awaited.
    this.#looking = this.#looking.then(() => this.#look()).catch(() => undefined);
    if (this.#looks++ % LOOKS_PER_READING === 0)
      for (const server of this.#options.servers) void server.read();
  }

  async #look(): Promise<void> {
    const { workers, now, onProgress, wanted } = this.#options;
    const look = await workers.look(true);
    const atMs = now();
    const before = this.#last;
    this.#last = { atMs, look };
    this.loopMs = Math.max(this.loopMs, look.loopMs);
    const lengthMs = atMs - (before?.atMs ?? 0);
    const { totals, open, recentLatency } = look;
    const sent = totals.sent - (before?.look.totals.sent ?? 0);
    const received = totals.received - (before?.look.totals.received ?? 0);
    const hasArrived = recentLatency.count > 0;
    const p50 = hasArrived ? recentLatency.valueAt(0.5) / 1_000 : undefined;
    const p99 = hasArrived ? recentLatency.valueAt(0.99) / 1_000 : undefined;
    const max = hasArrived ? recentLatency.valueAt(1) / 1_000 : undefined;
    this.series.add({ atMs: Math.round(atMs), lengthMs, open, sent, received, p50, p99, max });
    onProgress({
      phase: this.#phase.name,
      share: Math.min(
        1,
        Math.max(0, this.#phase.name === "connecting" ? open / wanted : this.#phase.share()),
      ),
      open,
      wanted,
      sentRate: (1_000 * sent) / lengthMs,
      receivedRate: (1_000 * received) / lengthMs,
      p50,
      p99,
      failed: totals.failed,
      problems: totals.duplicates + totals.reordered + totals.refused + totals.unrecovered,
    });
  }
}
