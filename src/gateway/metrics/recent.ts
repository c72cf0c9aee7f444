import type { Distribution } from "../../protocol/protocol.ts";

/** Quantiles of a latency, in milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Rates and latencies within a window of some seconds. */
export interface Recent<Counter extends string, Latency extends string> {
  /** Length of the window. It is shorter at the start of the node. */
  readonly windowMs: number;
  /** Per second. */
  readonly rates: Readonly<Record<Counter, number>>;
  /** Null where nothing was measured within the window. */
  readonly latencies: Readonly<Record<Latency, Quantiles | null>>;
}

export interface RecentSources<Counter extends string, Latency extends string> {
  /** Reads counters that only rise. */
  readonly counters: () => Readonly<Record<Counter, number>>;
  readonly latencies: Readonly<Record<Latency, Distribution>>;
  /** Milliseconds of the monotonic clock. @default that of the process */
  readonly now?: () => number;
}

interface Sample<Counter extends string, Latency extends string> {
  readonly at: number;
  /** Undefined at the start, where all are 0. */
  readonly counters: Readonly<Record<Counter, number>> | undefined;
  readonly buckets: ReadonlyMap<Latency, Float64Array>;
}

/** Samples of a window: with one a second its length is ten seconds. */
const SAMPLES = 10;

/** A rate of a shorter time would be one of single events. */
const MIN_MS = 1_000;

/** Rates and latencies of the last seconds, from counters and histograms that count since the start. The hot path has no part in it. */
export class RecentActivity<Counter extends string, Latency extends string> {
  readonly #sources: RecentSources<Counter, Latency>;
  readonly #now: () => number;
  /** The oldest first. */
  readonly #samples: Sample<Counter, Latency>[];

  constructor(sources: RecentSources<Counter, Latency>) {
    this.#sources = sources;
    this.#now = sources.now ?? (() => performance.now());
    this.#samples = [{ at: this.#now(), counters: undefined, buckets: new Map() }];
  }

  /** Takes a sample. Call it once a second. */
  tick(): void {
    this.#samples.push(this.#take());
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  read(): Recent<Counter, Latency> {
    const counters = this.#sources.counters();
    const { at, buckets } = this.#take();
    const start = this.#samples[0];
    const windowMs = Math.max(MIN_MS, at - (start?.at ?? at));
    const rateOf = (name: Counter): number =>
      ((counters[name] - (start?.counters?.[name] ?? 0)) / windowMs) * 1_000;
    const quantilesOf = (name: Latency): Quantiles | null =>
      quantiles(this.#sources.latencies[name].bounds, buckets.get(name), start?.buckets.get(name));
    return {
      windowMs: Math.round(windowMs),
      rates: mapped(counters, rateOf),
      latencies: mapped(this.#sources.latencies, quantilesOf),
    };
  }

  #take(): Sample<Counter, Latency> {
    const { counters, latencies } = this.#sources;
    const buckets = new Map<Latency, Float64Array>();
    for (const name of Object.keys(latencies) as Latency[]) buckets.set(name, latencies[name].counts.slice()); // its keys
    return { at: this.#now(), counters: { ...counters() }, buckets };
  }
}

/** An object with the keys of another one, and a value for each. */
const mapped = <Key extends string, Value>(
  keys: Readonly<Record<Key, unknown>>,
  valueAt: (key: Key) => Value,
): Record<Key, Value> =>
  Object.fromEntries((Object.keys(keys) as Key[]).map((key) => [key, valueAt(key)])) as Record<Key, Value>;

/**
 * Quantiles of the values that came between two states of a histogram, with values spread evenly within a bucket, as
 * `histogram_quantile` of Prometheus has them. Beyond the last bound it is that bound.
 * @param bounds upper bounds in seconds
 */
function quantiles(
  bounds: readonly number[],
  end: Float64Array = NONE,
  start: Float64Array = NONE,
): Quantiles | null {
  const counts = [...end].map((count, bucket) => count - (start[bucket] ?? 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const quantile = (share: number): number => {
    let below = 0;
    for (const [bucket, count] of counts.entries()) {
      const upper = bounds[bucket];
      if (upper === undefined) break;
      if (count > 0 && below + count >= share * total) {
        const lower = bounds[bucket - 1] ?? 0;
        return roundedMs(lower + ((upper - lower) * (share * total - below)) / count);
      }
      below += count;
    }
    return roundedMs(bounds.at(-1) ?? 0);
  };
  return { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) };
}

const NONE = new Float64Array();

/** Seconds as milliseconds, rounded to microseconds. */
const roundedMs = (seconds: number): number => Math.round(seconds * 1e6) / 1e3;
