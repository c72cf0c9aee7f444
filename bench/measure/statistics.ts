/** A figure over the rounds of a run: its median, and how far the rounds lay apart. */
export interface Summary {
  median: number;
  low: number;
  high: number;
}

/** Summarises one figure of all rounds. */
export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: percentile(sorted, 0.5), low: percentile(sorted, 0), high: percentile(sorted, 1) };
}

/** The value below which the given share (0–1) of the sorted values lies, interpolated. `NaN` when there are none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}
