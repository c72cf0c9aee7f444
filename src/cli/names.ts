import { InvalidArgumentError } from "commander";
import { ID_RULE, isId } from "../protocol/protocol.ts";

/** Parses an id in an argument or flag. @throws InvalidArgumentError, which commander reports with the flag's name */
export function parseId(text: string): string {
  if (isId(text)) return text;
  throw new InvalidArgumentError(`Expected ${ID_RULE}.`);
}
