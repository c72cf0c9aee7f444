import { endianness } from "node:os";

/** Fewer bytes are unmasked one by one: a view of words costs more than it saves. */
const WORDS_FROM = 96;

/** The mask is a word whose lowest byte comes first. */
const HAS_WORDS = endianness() === "LE";

/**
 * Unmasks bytes in place (RFC 6455 section 5.3).
 * @param mask the masking key as a little-endian word
 */
export function unmask(bytes: Uint8Array, start: number, end: number, mask: number): void {
  if (mask === 0) return;
  if (end - start < WORDS_FROM || !HAS_WORDS) unmaskBytes(bytes, start, end, mask);
  else unmaskWords(bytes, start, end, mask);
}

function unmaskBytes(bytes: Uint8Array, start: number, end: number, mask: number): void {
  const second = mask >>> 8;
  const third = mask >>> 16;
  const fourth = mask >>> 24;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    bytes[at] = (bytes[at] ?? 0) ^ mask;
    bytes[at + 1] = (bytes[at + 1] ?? 0) ^ second;
    bytes[at + 2] = (bytes[at + 2] ?? 0) ^ third;
    bytes[at + 3] = (bytes[at + 3] ?? 0) ^ fourth;
  }
  for (let rest = mask; at < end; at++, rest >>>= 8) bytes[at] = (bytes[at] ?? 0) ^ rest;
}

/** A view of words begins at a multiple of four bytes. The mask is turned by the bytes before it. */
function unmaskWords(bytes: Uint8Array, start: number, end: number, mask: number): void {
  const before = -(bytes.byteOffset + start) & 3;
  const first = start + before;
  unmaskBytes(bytes, start, first, mask);
  const turned = before === 0 ? mask : (mask >>> (8 * before)) | (mask << (32 - 8 * before));
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + first, (end - first) >> 2);
  for (let at = 0; at < words.length; at++) words[at] = (words[at] ?? 0) ^ turned;
  unmaskBytes(bytes, first + words.length * 4, end, turned);
}
