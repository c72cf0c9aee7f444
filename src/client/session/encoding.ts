import { badRequest, TidingsError } from "../../protocol/protocol.ts";

/** JSON text of a frame. @throws TidingsError `bad_request` for data that JSON would lose or change */
export function encodeFrame(frame: object): string {
  try {
    return JSON.stringify(frame, assertJson);
  } catch (cause) {
    if (cause instanceof TidingsError) throw cause;
    // A circular structure, or one that is nested too deep.
    throw badRequest(`${cause}`, { cause });
  }
}

/** Refuses values of which JSON makes `{}`, `null` or nothing, such as a Map, NaN or a function. */
function assertJson(this: Record<string, unknown>, key: string, value: unknown): unknown {
  // Byte arrays of Node have `toJSON`, and the value is its result.
  const kind = {}.toString.call(ArrayBuffer.isView(this[key]) ? this[key] : value);
  if (/ (Object|Array|String|Boolean|Null|Undefined)]/.test(kind) || Number.isFinite(value)) return value;
  throw badRequest(`${key}: ${kind} cannot be JSON`);
}

/** UTF-8 length of a JSON text, which has no lone surrogates. React Native lacks TextEncoder. */
export const byteLength = (json: string): number => encodeURIComponent(json).replace(/%../g, "_").length;
