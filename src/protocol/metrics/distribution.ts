/**
 * Values by buckets, in plain numbers that only rise: the content of a histogram. An observation costs a few comparisons and no
 * allocation. `prom-client` sorts and hashes the labels at every observation, which costs as much as publishing a message.
 */
export class Distribution {
  /** Upper bounds, inclusive, rising. */
  readonly bounds: readonly number[];
  /** Values per bucket. One more than the bounds: the last bucket has none. */
  readonly counts: Float64Array;
  #count = 0;
  #sum = 0;

  /** @param bounds upper bounds, inclusive, rising */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Number of values. */
  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (value > (bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    this.#count++;
    this.#sum += value;
  }
}
