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

  /**
   * Renders its series in the text format of Prometheus, without HELP and TYPE.
   * @param label as written in the text, such as `kind="stored"`
   */
  series(name: string, label = ""): string[] {
    const lines: string[] = [];
    let below = 0;
    for (const [index, count] of this.#counts.entries()) {
      below += count;
      const bound = `le="${this.#bounds[index] ?? "+Inf"}"`;
      lines.push(`${name}_bucket{${label === "" ? bound : `${label},${bound}`}} ${below}`);
    }
    const labels = label === "" ? "" : `{${label}}`;
    return [...lines, `${name}_sum${labels} ${this.#sum}`, `${name}_count${labels} ${this.#count}`];
  }
}

/** Renders a histogram in the text format of Prometheus: HELP, TYPE, and series. */
export const histogramText = (name: string, help: string, series: readonly string[]): string =>
  [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...series].join("\n");
