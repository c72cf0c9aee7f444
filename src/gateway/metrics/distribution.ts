import type { JsonMetric } from "./registry.ts";

/**
 * Histogram for Prometheus. An observation costs a few comparisons and no allocation. `prom-client` sorts and hashes
 * the labels at every observation, which costs as much as publishing a message.
 */
export class Distribution {
  readonly #bounds: Float64Array;
  /** Values per bucket. One more than the bounds: the last bucket has none. */
  readonly #counts: Float64Array;
  #count = 0;
  #sum = 0;

  /** @param bounds upper bounds, inclusive, rising */
  constructor(bounds: readonly number[]) {
    this.#bounds = Float64Array.from(bounds);
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** Upper bounds of the buckets but the last one. */
  get bounds(): readonly number[] {
    return [...this.#bounds];
  }

  /** Number of values per bucket, as of now. */
  counts(): Float64Array {
    return this.#counts.slice();
  }

  /** Number of values. */
  get count(): number {
    return this.#count;
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (value > (bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    this.#sum += value;
  }

  /** Reads its series, in the form and the order of Prometheus: buckets, sum, count. */
  series(name: string, labels: Labels): Series[] {
    const series: Series[] = [];
    let below = 0;
    for (const [index, count] of this.#counts.entries()) {
      below += count;
      const le = String(this.#bounds[index] ?? "+Inf");
      series.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: below });
    }
    series.push({ metricName: `${name}_sum`, labels, value: this.#sum });
    series.push({ metricName: `${name}_count`, labels, value: this.#count });
    return series;
  }
}

type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly metricName: string;
  readonly labels: Labels;
  readonly value: number;
}

/** A histogram of one or several distributions, each with its labels. */
export interface Histogram {
  readonly name: string;
  readonly help: string;
  readonly parts: readonly (readonly [Labels, Distribution])[];
}

const seriesOf = ({ name, parts }: Histogram): Series[] =>
  parts.flatMap(([labels, distribution]) => distribution.series(name, labels));

/** Renders a histogram in the text format of Prometheus: HELP, TYPE, and series. */
export function histogramText(histogram: Histogram): string {
  const { name, help } = histogram;
  const lines = seriesOf(histogram).map(({ metricName, labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
    return `${metricName}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...lines].join("\n");
}

export function histogramJson(histogram: Histogram): JsonMetric {
  const { name, help } = histogram;
  return { name, help, type: "histogram", aggregator: "sum", values: seriesOf(histogram) };
}
