/** Figures of at most six characters. */

const THOUSANDS = ["", "k", "M", "G", "T"];
const BYTES = ["B", "K", "M", "G", "T"];

/** A count: `0`, `999`, `1.2k`, `34k`, `5.6M`. */
export const countText = (count: number): string => scaled(Math.round(count), 1_000, THOUSANDS);

/** A rate per second: as a count, with a digit after the point below ten. */
export const rateText = (rate: number): string =>
  rate > 0 && rate < 9.95 ? Math.max(0.1, rate).toFixed(1) : countText(rate);

/** Bytes: `0B`, `512B`, `1.2K`, `34M`, in steps of 1,024. */
export const bytesText = (bytes: number): string => scaled(Math.round(bytes), 1_024, BYTES);

/** A duration in milliseconds: `0.4ms`, `12ms`, `1.5s`; `–` for none. */
export function msText(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms < 9.95) return `${ms > 0 ? Math.max(0.1, ms).toFixed(1) : 0}ms`;
  return ms < 999.5 ? `${Math.round(ms)}ms` : `${secondsText(ms / 1_000)}s`;
}

const secondsText = (seconds: number): string =>
  seconds < 9.95 ? seconds.toFixed(1) : String(Math.round(seconds));

const UNITS: readonly [letter: string, seconds: number][] = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
];

/** An age in milliseconds: `9s`, `12m`, `3h`, `40d`. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [letter, unit] = UNITS.find(([, length]) => seconds >= length) ?? ["s", 1];
  return `${Math.floor(seconds / unit)}${letter}`;
}

/** A number with the largest unit that leaves at most three digits before the point. */
function scaled(number: number, step: number, units: readonly string[]): string {
  let rest = number;
  let unit = 0;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= step;
    unit++;
  }
  const digits = unit > 0 && rest < 9.95 ? rest.toFixed(1) : String(Math.round(rest));
  return `${digits}${units[unit]}`;
}
