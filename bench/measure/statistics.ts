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

/** Rise of a cost that counts, if the noise of the machine is less: 3 %. */
const LIMIT = 1.03;

/**
 * Judges the ratios of a cost after and before a change, one for each turn.
 * @param noise ratios of the code before the change against itself. Half of them lie between `low` and `high`
 * @returns the median change; `isSlower` when it is above 3 % and above that noise, in either direction: which of the two
 * runs of the same code came first is no property of the code
 */
export function judgeChange(change: readonly number[], noise: readonly number[]) {
  const at = (values: readonly number[], share: number): number =>
    percentile(
      values.toSorted((one, other) => one - other),
      share,
    );
  const median = at(change, 0.5);
  const [low, high] = [at(noise, 0.25), at(noise, 0.75)];
  return { median, low, high, isSlower: median > Math.max(LIMIT, high, 1 / low) };
}
