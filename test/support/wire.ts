/** WebSocket frames made and read by hand (RFC 6455 section 5.2), so that they can be wrong in any way. */

import { headerLength, payloadLength } from "../../src/loadtest/socket/frames.ts";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A client's frame; what is left out is as a well-behaved client would have it. */
export interface FrameShape {
  readonly payload?: Uint8Array | string;
  /** @default text */
  readonly opcode?: number;
  /** @default true */
  readonly fin?: boolean;
  /** The three reserved bits, 0 to 7; 4 says "compressed". @default 0 */
  readonly reserved?: number;
  /** @default true */
  readonly masked?: boolean;
  /** The length that the header claims. @default the payload's */
  readonly claims?: number | bigint;
}

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** The bytes of one frame. */
export function clientFrame(shape: FrameShape = {}): Buffer {
  const { opcode = OPCODE.text, fin = true, reserved = 0, masked = true } = shape;
  const payload = Buffer.from(shape.payload ?? "");
  const header = [
    (fin ? 0x80 : 0) | (reserved << 4) | opcode,
    ...lengthBytes(shape.claims ?? payload.length),
  ];
  header[1] = (header[1] ?? 0) | (masked ? 0x80 : 0);
  if (!masked) return Buffer.concat([Buffer.from(header), payload]);
  const veiled = payload.map((byte, index) => byte ^ (MASK[index % 4] ?? 0));
  return Buffer.concat([Buffer.from(header), MASK, veiled]);
}

function lengthBytes(length: number | bigint): number[] {
  if (length < 126) return [Number(length)];
  if (length < 65_536) return [126, Number(length) >> 8, Number(length) & 0xff];
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return [127, ...bytes];
}

export const textFrame = (value: unknown): Buffer =>
  clientFrame({ payload: typeof value === "string" ? value : JSON.stringify(value) });

/** A frame of the server's. */
export interface ServerFrame {
  readonly fin: boolean;
  readonly compressed: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Cuts a stream of bytes into the server's frames, of whatever kind. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns the frames that these bytes complete */
  read(bytes: Buffer): ServerFrame[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: ServerFrame[] = [];
    for (let found = this.#next(); found !== undefined; found = this.#next()) frames.push(found);
    return frames;
  }

  #next(): ServerFrame | undefined {
    const rest = this.#rest;
    const [first] = rest;
    if (first === undefined || rest.length < 2) return undefined;
    const start = headerLength(rest, 0);
    if (rest.length < start) return undefined;
    const end = start + payloadLength(rest, 0);
    if (rest.length < end) return undefined;
    this.#rest = rest.subarray(end);
    const payload = rest.subarray(start, end);
    return { fin: (first & 0x80) !== 0, compressed: (first & 0x40) !== 0, opcode: first & 0x0f, payload };
  }
}
