import { TidingsError } from "./errors.ts";

/** Longest id, in characters. */
const MAX_ID = 255;

/** The rule of {@link isId}, in the words of error messages. */
export const ID_RULE = `1–${MAX_ID} well-formed characters without control characters`;

/** Method taken from the prototype, for the reason given in channel.ts. */
const { charCodeAt } = String.prototype;

/**
 * Ids of users, groups, platforms, devices, connections and nodes, and idempotency keys: 1–255 characters, as
 * {@link isName} counts and checks them. Every id that enters is checked by this function.
 */
export const isId = (value: unknown): value is string => isName(value, MAX_ID);

/** True for the user of a console: the hub gives each page one of its own, so that pages do not count as devices of one user. */
export const isConsoleUser = (user: string): boolean => /^console-[\w-]{16}$/.test(user);

/** Makes the error for a value that is no id. @param name names the value */
export const idError = (name: string): TidingsError =>
  new TidingsError("bad_request", `${name}: expected an id of ${ID_RULE}`);

/**
 * Checks for 1–`max` characters without control characters, lone surrogates and U+FFFD. UTF-8 cannot encode a lone
 * surrogate, so encoders replace it by U+FFFD; lenient decoders do so with bytes that are no UTF-8. Two such names would
 * become one in Redis or a URL. A loop is cheaper than a regular expression.
 */
export function isName(value: unknown, max: number): value is string {
  // A character outside the basic multilingual plane has length 2.
  if (typeof value !== "string" || value === "" || value.length > 2 * max) return false;
  for (let index = 0; index < value.length; index++) {
    const code = charCodeAt.call(value, index);
    if (code >= 0x20 && code < 0x7f) continue; // most characters
    if (isControl(code) || code === REPLACEMENT) return false;
    if (isSurrogate(code) && !isPair(code, charCodeAt.call(value, ++index))) return false;
  }
  return value.length <= max || [...value].length <= max;
}

/** Unicode category Cc. */
const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code <= 0x9f);

const REPLACEMENT = 0xfffd;

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;

/** False at the end of a text, where the second code is NaN. */
const isPair = (first: number, second: number): boolean =>
  first <= 0xdbff && second >= 0xdc00 && second <= 0xdfff;

/** The rule of {@link isActionName}, in the words of error messages. */
export const ACTION_RULE = '"module.action"';

/** Names of actions have two parts. */
export const isActionName = (value: unknown): value is string => isId(value) && /^[^.]+\.[^.]+$/.test(value);

/**
 * Joins names to one name, such as user and key to the name of an idempotency key. Different lists never give the same
 * name: "/" separates, and inside a part "/" is written "%2F" and "%" is written "%25".
 */
export const joinNames = (...parts: readonly string[]): string => parts.map(escapePart).join("/");

const escapePart = (part: string): string =>
  /[%/]/.test(part) ? part.replaceAll("%", "%25").replaceAll("/", "%2F") : part;
