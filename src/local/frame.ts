import { constants, deflateRawSync } from "node:zlib";

/**
 * WebSocket frames from server to client (RFC 6455 section 5.2): final, unmasked, whole.
 * The gateway reads frames, and writes all control frames except this ping.
 */
const FIN = 0x80;
const COMPRESSED = 0x40;
const TEXT = 0x1;

/** Ping without payload; one buffer for all connections. */
export const PING_FRAME: Buffer = Buffer.from([FIN | 0x9, 0]);

/** Encodes a text as one frame. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const start = headerLength(length);
  const frame = Buffer.allocUnsafe(start + length);
  writeHeader(frame, FIN | TEXT, length);
  frame.write(text, start, "utf8");
  return frame;
}

/** Encodes texts as frames that follow each other in one buffer: a buffer for each, and a copy of it, would take longer. */
export function textFrames(texts: readonly string[]): Buffer {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const frames = Buffer.allocUnsafe(
    lengths.reduce((bytes, length) => bytes + headerLength(length) + length, 0),
  );
  let end = 0;
  for (const [index, text] of texts.entries()) {
    const length = lengths[index] ?? 0;
    writeHeader(frames, FIN | TEXT, length, end);
    end += headerLength(length);
    end += frames.write(text, end, "utf8");
  }
  return frames;
}

/** Level without references to earlier bytes. */
export const HUFFMAN_ONLY = -2;

/** Compression for connections that agreed to permessage-deflate (RFC 7692). */
export interface Compression {
  /** -2 (Huffman only) … 9 (best). */
  readonly level: number;
  /** Payloads of fewer bytes are sent uncompressed. */
  readonly threshold: number;
}

/**
 * Compresses a text frame without context takeover, so that all connections can share it.
 * @returns the frame itself when its payload is under the threshold
 */
export function deflateFrame(frame: Buffer, { level, threshold }: Compression): Buffer {
  const payload = frame.subarray(payloadStart(frame));
  if (payload.length < threshold) return frame;
  const strategy = level === HUFFMAN_ONLY ? constants.Z_HUFFMAN_ONLY : constants.Z_DEFAULT_STRATEGY;
  const deflated = deflateRawSync(payload, {
    level: Math.max(level, -1),
    strategy,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  const length = deflated.length - 4; // RFC 7692 section 7.2.1: without the trailing 00 00 ff ff
  const start = headerLength(length);
  const compressed = Buffer.allocUnsafe(start + length);
  writeHeader(compressed, FIN | COMPRESSED | TEXT, length);
  deflated.copy(compressed, start, 0, length);
  return compressed;
}

function headerLength(payload: number): number {
  if (payload < 126) return 2;
  return payload < 65_536 ? 4 : 10;
}

const payloadStart = (frame: Buffer): number => {
  if (frame[1] === 126) return 4;
  return frame[1] === 127 ? 10 : 2;
};

function writeHeader(frame: Buffer, first: number, length: number, at = 0): void {
  frame[at] = first;
  if (length < 126) {
    frame[at + 1] = length;
  } else if (length < 65_536) {
    frame[at + 1] = 126;
    frame.writeUInt16BE(length, at + 2);
  } else {
    frame[at + 1] = 127;
    frame.writeBigUInt64BE(BigInt(length), at + 2);
  }
}
