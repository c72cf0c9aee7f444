import { InvalidArgumentError } from "commander";

/** Reads an argument of the command line as JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('Expected JSON, such as \'{"mood":"good"}\' or \'"text"\'.');
  }
}
