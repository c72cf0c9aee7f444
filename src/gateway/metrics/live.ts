import { performance } from "node:perf_hooks";
import { BusiestGroups } from "./busiest.ts";
import { type LoopDelay, LoopDelayMonitor } from "./delay.ts";
import { type Quantiles, RecentActivity, type RecentSources } from "./recent.ts";

/** Activity of the last seconds. Rates are per second, and latencies null where nothing was measured. */
export interface RecentMetrics {
  readonly windowMs: number;
  readonly rates: Readonly<Record<LiveCounter, number>>;
  readonly latencies: Readonly<Record<LiveLatency, Quantiles | null>>;
  readonly loop: RecentLoop;
}

/** The event loop in the last seconds. */
export interface RecentLoop {
  /** Share of the time in which it worked, in percent. */
  readonly utilization: number;
  /** Its delay, in milliseconds: of each quantile the highest of a second. */
  readonly delay: LoopDelay;
}

export type LiveCounter = "received" | "published" | "delivered" | "dropped" | "connects" | "disconnects";
export type LiveLatency = "stored" | "ephemeral" | "delivery";

const TICK_MS = 1_000;

/** Seconds of the event loop that are kept. */
const LOOP_SECONDS = 10;

/** Metrics of the last seconds, for a live view. A timer reads the counters once a second. */
export class LiveMetrics {
  readonly busiest = new BusiestGroups();
  readonly #activity: RecentActivity<LiveCounter, LiveLatency>;
  readonly #monitor = new LoopDelayMonitor();
  readonly #seconds: RecentLoop[] = [];
  readonly #timer: NodeJS.Timeout;
  /** Called once a second. */
  readonly #listeners: (() => void)[] = [];
  #utilization = performance.eventLoopUtilization();

  constructor(sources: Omit<RecentSources<LiveCounter, LiveLatency>, "now">) {
    this.#activity = new RecentActivity(sources);
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  get recent(): RecentMetrics {
    return { ...this.#activity.read(), loop: this.#loop() };
  }

  /** Calls a function once a second, until the end of the metrics. */
  everySecond(listener: () => void): void {
    this.#listeners.push(listener);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#monitor.stop();
  }

  #tick(): void {
    this.busiest.tick();
    this.#activity.tick();
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    this.#seconds.push({ utilization: utilization * 100, delay: this.#monitor.read() });
    this.#monitor.reset();
    if (this.#seconds.length > LOOP_SECONDS) this.#seconds.shift();
    for (const listener of this.#listeners) listener();
  }

  #loop(): RecentLoop {
    const delays = this.#seconds.map(({ delay }) => delay);
    const highest = (quantile: keyof LoopDelay): number =>
      Math.max(0, ...delays.map((delay) => delay[quantile]));
    const sum = this.#seconds.reduce((total, { utilization }) => total + utilization, 0);
    return {
      utilization: sum / Math.max(1, this.#seconds.length),
      delay: { p50: highest("p50"), p90: highest("p90"), p99: highest("p99"), max: highest("max") },
    };
  }
}
