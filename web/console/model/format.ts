/** Numbers and times as the console writes them: short, and of the same width where they stand below each other. */

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en-GB", { notation: "compact", maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Stands where nothing was measured, or nothing is known. */
export const NOTHING = "–";

export const count = (value: number): string => whole.format(value);

/** For places where only the magnitude matters, such as an axis. */
export function short(value: number): string {
  if (Math.abs(value) >= 1_000) return compact.format(value);
  return Number.isInteger(value) ? String(value) : rate(value);
}

/** @param value null where it is not known */
export function rate(value: number | null): string {
  if (value === null) return NOTHING;
  if (value === 0) return "0";
  if (value < 0.1) return "< 0.1";
  return value < 10 ? value.toFixed(1) : whole.format(value);
}

export function ms(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  if (value === 0) return "0 ms";
  if (value < 0.05) return "< 0.1 ms";
  if (value >= 10_000) return `${(value / 1_000).toFixed(0)} s`;
  return value < 10 ? `${value.toFixed(1)} ms` : `${whole.format(value)} ms`;
}

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const step = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  const amount = value / 1_024 ** step;
  return `${step === 0 || amount >= 100 ? whole.format(amount) : amount.toFixed(1)} ${units[step]}`;
}

export const percent = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} %`;

/** A length of time in its two largest units. */
export function duration(value: number): string {
  const seconds = Math.max(0, Math.round(value / 1_000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) return "0 s";
  const shown = parts.slice(first, first + 2).filter(([amount]) => amount > 0);
  return shown.map(([amount, unit]) => `${amount} ${unit}`).join(" ");
}

/** The time of the day, with the date where it is not today. */
export function time(at: number): string {
  const isToday = new Date(at).toDateString() === new Date().toDateString();
  return isToday ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

/** A name in words: `client_left` is "client left". */
export const words = (name: string): string => name.replaceAll("_", " ");
