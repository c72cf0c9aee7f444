import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter } from "../measure/counted.ts";
import { Histogram } from "../measure/histogram.ts";
import { type Snapshot, type Tally, TIMINGS, type Timing, type Timings, type Totals } from "./api.ts";

type Writable<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

const NOTHING: Totals = {
  attempts: 0,
  opened: 0,
  failed: 0,
  sent: 0,
  unsent: 0,
  accepted: 0,
  refused: 0,
  unconfirmed: 0,
  received: 0,
  duplicates: 0,
  reordered: 0,
  repeats: 0,
  gaps: 0,
  unrecovered: 0,
  strays: 0,
  reconnects: 0,
};

/** The sum of the totals of several processes. */
export function sumOf(all: readonly Totals[]): Totals {
  const sum: Writable<Totals> = { ...NOTHING };
  for (const totals of all)
    for (const key of Object.keys(NOTHING) as (keyof Totals)[]) sum[key] += totals[key]; // its keys are these
  return sum;
}

/** Counts and times what happens in one process. */
export class Meters {
  readonly totals: Writable<Totals> = { ...NOTHING };
  readonly refusals = new Counter();
  readonly ends = new Counter();
  readonly refusedMessages = new Counter();
  readonly errors = new Counter();
  readonly #timings = new Map<Timing, Histogram>(TIMINGS.map((name) => [name, new Histogram()]));
  readonly #recent = new Histogram();
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });

  constructor() {
    this.#delay.enable();
  }

  time(timing: Timing, microseconds: number): void {
    this.#timings.get(timing)?.record(microseconds);
    if (timing === "latency") this.#recent.record(microseconds);
  }

  snapshot(open: number, pending: number, forget: boolean): Snapshot {
    const { user, system } = process.cpuUsage();
    const recent = this.#recent.encode();
    const loopMs = this.#delay.max / 1e6;
    if (forget) {
      this.#recent.reset();
      this.#delay.reset();
    }
    return { open, pending, totals: { ...this.totals }, recent, cpuUs: user + system, loopMs };
  }

  tally(): Omit<Tally, "nodes" | "lost" | "expected"> {
    const timings = Object.fromEntries(
      [...this.#timings].map(([name, histogram]) => [name, histogram.encode()]),
    ) as unknown as Timings; // all of them are there
    return {
      totals: { ...this.totals },
      timings,
      refusals: this.refusals.counts(),
      ends: this.ends.counts(),
      refusedMessages: this.refusedMessages.counts(),
      errors: this.errors.counts(),
    };
  }

  stop(): void {
    this.#delay.disable();
  }
}
