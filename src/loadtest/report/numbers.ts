/** A count with commas. */
export const whole = (value: number): string => Math.round(value).toLocaleString("en");

/** Three significant digits, without an exponent. */
export function short(value: number): string {
  if (Math.abs(value) >= 1_000) return whole(value);
  return Number(value.toPrecision(3)).toString();
}

export const ms = (value: number): string => `${short(value)} ms`;

/** Bytes as KiB or MiB. */
export function bytes(value: number): string {
  return Math.abs(value) >= 1024 * 1024 ? `${short(value / 1024 / 1024)} MiB` : `${short(value / 1024)} KiB`;
}

/** A duration as `90 s` or `12 min`. */
export const duration = (milliseconds: number): string =>
  milliseconds >= 120_000 ? `${short(milliseconds / 60_000)} min` : `${short(milliseconds / 1_000)} s`;
