import { InvalidArgumentError } from "commander";
import { parseDuration } from "./duration.ts";

/** Meaning of a time on the command line, for its description. */
export const TIME = "a date such as 2026-01-31T12:00Z, or a time ago such as 2h";

/** Reads a date (ISO 8601) or a duration before now. @returns milliseconds since 1970 */
export function parseTime(text: string): number {
  if (/^\d+[smhd]$/.test(text)) return Date.now() - parseDuration(text) * 1_000;
  const time = /^\d{4}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (time >= 0) return time;
  throw new InvalidArgumentError(
    "Expected a date such as 2026-01-31T12:00Z, or a time ago such as 90s, 15m, 2h or 7d.",
  );
}
