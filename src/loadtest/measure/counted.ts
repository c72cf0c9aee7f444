/** Occurrences by reason, such as `HTTP 429: too many connects`. */
export type Counts = Readonly<Record<string, number>>;

/** Reasons that are told apart. A server that writes something else each time must not fill the memory. */
const MOST_REASONS = 50;
const OTHERS = "other reasons";

/** Counts occurrences by reason. */
export class Counter {
  readonly #counts = new Map<string, number>();

  count(reason: string, by = 1): void {
    const isKnown = this.#counts.has(reason) || this.#counts.size < MOST_REASONS;
    const key = isKnown ? reason : OTHERS;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + by);
  }

  add(counts: Counts): void {
    for (const [reason, count] of Object.entries(counts)) this.count(reason, count);
  }

  get total(): number {
    return totalOf(this.counts());
  }

  counts(): Counts {
    return Object.fromEntries([...this.#counts].sort(([, one], [, other]) => other - one));
  }
}

export const totalOf = (counts: Counts): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);
