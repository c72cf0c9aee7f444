/** Sub-buckets of each power of two, as bits: a value differs from its bucket's by less than 1/1,024. */
const SUB_BITS = 10;
const SUB_BUCKETS = 1 << SUB_BITS;

/** Values above are recorded as this one: 35 minutes in microseconds. */
const MOST = 2 ** 31 - 1;

const BUCKETS = indexOf(MOST) + 1;

/** A histogram as JSON: `[bucket, count, bucket, count, …]`, the buckets ascending. */
export interface EncodedHistogram {
  readonly counts: readonly number[];
  readonly least: number;
  readonly most: number;
  readonly sum: number;
}

/** The figures of a histogram that a report shows, in its unit. All are 0 when nothing was recorded. */
export interface Percentiles {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/**
 * A high dynamic range histogram of whole numbers: three significant digits from 0 to 2³¹, in 90 KiB. `createHistogram` of
 * node:perf_hooks counts alike, but cannot hand its counts to another process.
 */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #least = MOST;
  #most = 0;

  get count(): number {
    return this.#count;
  }

  /** Records a value. Below 0 counts as 0: clocks of two processes may differ by a microsecond. */
  record(value: number): void {
    const whole = Math.min(MOST, Math.max(0, Math.round(value)));
    const index = indexOf(whole);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count++;
    this.#sum += whole;
    if (whole < this.#least) this.#least = whole;
    if (whole > this.#most) this.#most = whole;
  }

  add({ counts, least, most, sum }: EncodedHistogram): void {
    for (let at = 0; at < counts.length; at += 2) {
      const [index = 0, count = 0] = [counts[at], counts[at + 1]];
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
      this.#count += count;
    }
    if (counts.length === 0) return;
    this.#sum += sum;
    this.#least = Math.min(this.#least, least);
    this.#most = Math.max(this.#most, most);
  }

  encode(): EncodedHistogram {
    const counts: number[] = [];
    // By index, as in valueAt: an iterator over 22,000 buckets takes milliseconds.
    for (let index = 0; index < BUCKETS; index++) {
      const count = this.#counts[index] ?? 0;
      if (count > 0) counts.push(index, count);
    }
    return { counts, least: this.#least, most: this.#most, sum: this.#sum };
  }

  reset(): void {
    this.#counts.fill(0);
    this.#count = this.#sum = this.#most = 0;
    this.#least = MOST;
  }

  /** The highest value of the bucket below or in which the given share of all values lies, 0 to 1. */
  valueAt(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index] ?? 0;
      if (seen >= wanted) return Math.min(this.#most, highestOf(index));
    }
    return 0;
  }

  percentiles(): Percentiles {
    const count = this.#count;
    return {
      count,
      mean: count === 0 ? 0 : this.#sum / count,
      min: count === 0 ? 0 : this.#least,
      p50: this.valueAt(0.5),
      p90: this.valueAt(0.9),
      p99: this.valueAt(0.99),
      p999: this.valueAt(0.999),
      max: this.#most,
    };
  }

  /** Points of the curve of percentiles, `[share, value]`: each step halves what remains, as far as there are values. */
  curve(): [number, number][] {
    const points: [number, number][] = [];
    for (let rest = 1; rest * this.#count >= 1; rest /= 2) {
      points.push([1 - rest, this.valueAt(1 - rest)], [1 - rest * 0.75, this.valueAt(1 - rest * 0.75)]);
    }
    return points;
  }
}

function indexOf(value: number): number {
  if (value < 2 * SUB_BUCKETS) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return (shift << SUB_BITS) + (value >> shift);
}

function highestOf(index: number): number {
  if (index < 2 * SUB_BUCKETS) return index;
  const shift = (index >> SUB_BITS) - 1;
  return (index - (shift << SUB_BITS) + 1) * 2 ** shift - 1;
}

/** Figures in milliseconds of those in microseconds. */
export const inMs = ({ count, ...values }: Percentiles): Percentiles => ({
  count,
  ...(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value / 1_000])) as Omit<
    Percentiles,
    "count"
  >), // the same names
});
