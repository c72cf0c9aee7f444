import { monitorEventLoopDelay } from "node:perf_hooks";

/** How often the event loop is looked at. */
const RESOLUTION_MS = 10;

/** How late the event loop ran what was due, in milliseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Watches how late the event loop runs what is due. */
export class LoopDelayMonitor {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  /** The delays since the last {@link reset}. */
  read(): LoopDelay {
    const histogram = this.#histogram;
    // Without a sample, the histogram's least and greatest values stand at the ends of its range.
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

/** The histogram holds, in nanoseconds, the whole time between two looks. To the microsecond. */
const lateness = (nanoseconds: number): number =>
  Math.max(0, Math.round(nanoseconds / 1e3) - RESOLUTION_MS * 1e3) / 1e3;
