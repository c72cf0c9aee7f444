const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

const DAY_MS = 24 * 60 * 60_000;

/** The time of today, the weekday within six days, else the date. */
export function shortTime(timestamp: number): string {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (timestamp >= midnight) return TIME.format(timestamp);
  return (timestamp >= midnight - 6 * DAY_MS ? WEEKDAY : DATE).format(timestamp);
}
