import { InvalidArgumentError } from "commander";

/** Reads the value of the flag `--limit`. */
export function parseLimit(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number from 1.");
}
