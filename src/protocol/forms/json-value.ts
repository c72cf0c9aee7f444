import { badRequest } from "../errors.ts";

/** Property with the JSON text of an object. */
const TEXT = Symbol("JSON text");

interface WithText {
  readonly [TEXT]?: () => string;
}

/** Gives an object a JSON text of its own, because `JSON.stringify` would round its numbers. It can no longer be changed. */
export function withText<Value extends object>(value: Value, text: () => string): Readonly<Value> {
  return Object.freeze(Object.defineProperty(value, TEXT, { value: text }));
}

/** The JSON text that an object has of its own. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === "object" ? (value as WithText | null)?.[TEXT]?.() : undefined;

/**
 * Encodes a value of the application as JSON; `undefined` becomes `null`.
 * @param name the value, in the words of the error
 * @throws TidingsError `bad_request` for a value that JSON would lose or change: BigInt, NaN, Map, Set, Blob, typed arrays, functions, circles
 */
export function encodeJson(value: unknown, name = "data"): string {
  let text = textOf(value);
  if (text !== undefined) return text;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    // A BigInt, a circle, or more levels than the stack has. The first line says which; the others draw the circle.
    const [problem] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw badRequest(`${name}: expected a JSON value: ${problem}`, { cause });
  }
  const problem = lossIn(value);
  if (problem !== undefined) throw badRequest(`${name}${problem}`);
  return text ?? "null";
}

/** Finds a value of which JSON makes `{}`, `null` or nothing. @returns its path and what it is; undefined without one */
function lossIn(value: unknown): string | undefined {
  if (typeof value === "string" || typeof value === "boolean" || value === undefined || value === null)
    return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : lossOf(value);
  if (typeof value !== "object" || !isKept(value)) return lossOf(value);
  if (Array.isArray(value)) return lossAmong(value);
  if ("toJSON" in value && typeof value.toJSON === "function") return undefined;
  for (const key in value) {
    const problem = lossIn((value as Record<string, unknown>)[key]);
    if (problem !== undefined) return `.${key}${problem}`;
  }
  return undefined;
}

function lossAmong(values: readonly unknown[]): string | undefined {
  for (let index = 0; index < values.length; index++) {
    const problem = lossIn(values[index]);
    if (problem !== undefined) return `.${index}${problem}`;
  }
  return undefined;
}

/** Lists, records, objects of an application's classes, boxed values, and what has a JSON of its own. */
function isKept(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === Array.prototype || prototype === null) return true;
  // Byte arrays of Node have `toJSON` and would become objects of numbers.
  if (ArrayBuffer.isView(value)) return false;
  if ("toJSON" in value && typeof value.toJSON === "function") return true;
  return /^\[object (Object|Array|String|Number|Boolean)\]$/.test(Object.prototype.toString.call(value));
}

const lossOf = (value: unknown): string => {
  const kind = typeof value === "number" ? String(value) : Object.prototype.toString.call(value).slice(8, -1);
  return `: expected a JSON value, got ${kind}`;
};
