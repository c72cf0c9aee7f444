import { TidingsError } from "../protocol/protocol.ts";

/** Milliseconds of a window, by the letter of its length: second, minute, hour, day. */
const WINDOW_MS = { S: 1_000, M: 60_000, H: 3_600_000, D: 86_400_000 } as const;

/** Length of a window: a second, a minute, an hour or a day. */
export type RateUnit = keyof typeof WINDOW_MS;

/** So many requests in each window. Made by {@link parseRate}; one object is shared by all that count with it. */
export interface Rate {
  /** The rate as it is written: `200-M`. */
  readonly text: string;
  /** Requests that a window allows. */
  readonly limit: number;
  readonly unit: RateUnit;
  /** Length of a window in milliseconds. */
  readonly windowMs: number;
}

const FORM = /^(\d{1,15})-([SMHD])$/i;

/** The form of a rate, for errors. */
export const RATE_FORM =
  "a rate such as 200-M: a whole number from 1, a dash, and S, M, H or D for second, minute, hour or day";

/**
 * Reads a rate: `"10-S"` is 10 a second, `"200-M"` 200 a minute, `"1000-H"` 1,000 an hour, `"5000-D"` 5,000 a day. The letter may be
 * small. Windows are fixed: one begins with the first request and ends after its length, whatever came meanwhile.
 * @throws TidingsError `bad_request` for anything else
 */
export function parseRate(text: string): Rate {
  const rate = readRate(text);
  if (rate === undefined) throw new TidingsError("bad_request", `expected ${RATE_FORM}, got ${shown(text)}`);
  return rate;
}

/** Reads a rate as {@link parseRate} does. @returns undefined for anything else */
export function readRate(text: unknown): Rate | undefined {
  const [, digits, letter] = (typeof text === "string" && FORM.exec(text)) || [];
  const limit = Number(digits);
  if (letter === undefined || limit < 1) return undefined;
  const unit = letter.toUpperCase() as RateUnit; // the form allows these letters only
  return Object.freeze({ text: `${limit}-${unit}`, limit, unit, windowMs: WINDOW_MS[unit] });
}

/** A value in an error, not longer than a line. */
const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 80);
