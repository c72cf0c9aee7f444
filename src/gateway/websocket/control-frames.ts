/** Control frames of the server (RFC 6455 section 5.5): final, unmasked, with at most 125 bytes. */
const CLOSE = 0x88;
const PONG = 0x8a;

/** Two bytes of a close frame are its code. */
const MAX_REASON_BYTES = 123;
/** A character of a string has at most three bytes of UTF-8; four bytes are two characters. */
const BYTES_PER_CHARACTER = 3;

const encoder = new TextEncoder();

/** Close codes that no frame carries: without a code, and without a close frame (RFC 6455 section 7.4.1). */
export const NO_CODE = 1005;
export const NO_CLOSE_FRAME = 1006;

/** Encodes a close frame. @param code {@link NO_CODE} for a frame without a code */
export function closeFrame(code: number, reason: string): Buffer {
  if (code === NO_CODE) return Buffer.from([CLOSE, 0]);
  const length = 2 + Buffer.byteLength(reason);
  const frame = Buffer.allocUnsafe(2 + length);
  frame[0] = CLOSE;
  frame[1] = length;
  frame.writeUInt16BE(code, 2);
  frame.write(reason, 4, "utf8");
  return frame;
}

/** Encodes the answer to a ping. */
export function pongFrame(payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(2 + payload.length);
  frame[0] = PONG;
  frame[1] = payload.length;
  frame.set(payload, 2);
  return frame;
}

/** Cuts a reason that is too long for a close frame after its last whole character. */
export function cutReason(reason: string): string {
  if (reason.length * BYTES_PER_CHARACTER <= MAX_REASON_BYTES) return reason;
  const { read } = encoder.encodeInto(reason, new Uint8Array(MAX_REASON_BYTES));
  return reason.slice(0, read);
}

/** Tells whether a close frame may have a code (RFC 6455 section 7.4, and the codes that IANA has added to it). */
export const isCloseCode = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== NO_CODE && code !== NO_CLOSE_FRAME) ||
  (code >= 3000 && code <= 4999);
