import { monitorEventLoopDelay } from "node:perf_hooks";

/** Interval of the samples. */
const RESOLUTION_MS = 10;

/** Delay of the event loop, in milliseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Measures the delay of the event loop. */
export class LoopDelayMonitor {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  /** The delays since the last {@link reset}. */
  read(): LoopDelay {
    const histogram = this.#histogram;
    // Without a sample, the histogram's least and greatest values are the ends of its range.
    if (histogram.count === 0) return { p50: 0, p90: 0, p99: 0, max: 0 };
    return {
      p50: lateness(histogram.percentile(50)),
      p90: lateness(histogram.percentile(90)),
      p99: lateness(histogram.percentile(99)),
      max: lateness(histogram.max),
    };
  }

  reset(): void {
    this.#histogram.reset();
  }

  stop(): void {
    this.#histogram.disable();
  }
}

/** Converts a time between two samples, in nanoseconds, to a delay in milliseconds, rounded to microseconds. */
const lateness = (nanoseconds: number): number =>
  Math.max(0, Math.round(nanoseconds / 1e3) - RESOLUTION_MS * 1e3) / 1e3;
