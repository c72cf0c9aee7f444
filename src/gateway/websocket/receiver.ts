import { isUtf8 } from "node:buffer";
import { isCloseCode, NO_CODE } from "./control-frames.ts";
import { type InflateFault, inflateMessage } from "./inflate.ts";
import { unmask } from "./unmask.ts";

/** Bounds of one message. */
export interface MessageLimits {
  /** Bytes of its payload, after inflation too. */
  readonly bytes: number;
  readonly fragments: number;
  /** Reads of the socket that bring one frame. */
  readonly pieces: number;
}

/** Hears what a receiver has read. Nothing follows `closeFrame` and `failed`. */
export interface FrameHandler {
  text(text: string): void;
  /** @param bytes in the memory of the read */
  binary(bytes: Buffer): void;
  /** @param payload in the memory of the read */
  ping(payload: Buffer): void;
  /** @param code 1005 for a frame without a code */
  closeFrame(code: number, reason: string): void;
  /** The client has broken the protocol or a limit. @param code for the answer */
  failed(code: number, reason: string): void;
  /** A message is inflated, and all that has come behind it is read. */
  inflated(): void;
}

const FIN = 0x80;
const RSV1 = 0x40;
const RSV2_3 = 0x30;
const MASKED = 0x80;
const LENGTH = 0x7f;
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const MAX_CONTROL_BYTES = 125;
/** This value and the next one say where the length is: in the next two bytes, or in the next eight. */
const LENGTH_16 = 126;
const MASK_BYTES = 4;
/** Longer lengths have no exact number. */
const MAX_HIGH_WORD = 0x1f_ffff;
const WORD = 0x1_0000_0000;

/** Stands for bytes that are not UTF-8. A text may contain it too. */
const REPLACEMENT = "\ufffd";

/** `reading`; `inflating` a message, behind which nothing is read; `over` after a close frame, a failure, or `stop`. */
const READING = 0;
const INFLATING = 1;
const OVER = 2;

/**
 * Reads the frames of a client (RFC 6455 section 5.2). A frame that lies whole in one read is unmasked there and not copied. Between two messages it holds
 * numbers only.
 */
export class Receiver {
  readonly #handler: FrameHandler;
  readonly #limits: MessageLimits;
  readonly #deflate: boolean;
  #phase: typeof READING | typeof INFLATING | typeof OVER = READING;
  /** The reads that have brought a frame so far, when it is not complete. */
  #pieces: Buffer[] | undefined;
  /** Bytes that are missing to its header, or to the whole frame. */
  #missing = 0;
  /** Opcode of a message whose last fragment has not come; 0 without one. */
  #opcode = 0;
  #isCompressed = false;
  /** Fragments of that message, those without bytes too, and their bytes. */
  #fragmentCount = 0;
  #bytes = 0;
  #fragments: Buffer[] | undefined;
  /** Bytes behind the message that is inflated. */
  #rest: Buffer | undefined;

  /** @param deflate true when the client agreed to permessage-deflate, without context takeover */
  constructor(handler: FrameHandler, limits: MessageLimits, deflate: boolean) {
    this.#handler = handler;
    this.#limits = limits;
    this.#deflate = deflate;
  }

  /** True while a message is inflated. The caller stops reading until `inflated`. */
  get isInflating(): boolean {
    return this.#phase === INFLATING;
  }

  /** True when a frame or a message has begun and not ended. */
  get isUnfinished(): boolean {
    return this.#pieces !== undefined || this.#opcode !== 0 || this.#phase === INFLATING;
  }

  /** Reads bytes of the socket. The memory becomes the receiver's: it unmasks there, and keeps what is not complete. */
  push(chunk: Buffer): void {
    if (this.#phase === READING) this.#read(chunk);
    else if (this.#phase === INFLATING)
      this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
  }

  /** Reads nothing more, not even the rest of the chunk. */
  stop(): void {
    this.#phase = OVER;
    this.#pieces = undefined;
    this.#fragments = undefined;
    this.#rest = undefined;
  }

  #read(chunk: Buffer): void {
    if (this.#pieces !== undefined && this.#pieces.length >= this.#limits.pieces) {
      this.#fail(1008, "Too many buffered chunks");
      return;
    }
    let at = 0;
    while (at < chunk.length && this.#phase === READING) {
      at = this.#pieces === undefined ? this.#frame(chunk, at) : this.#complete(this.#pieces, chunk, at);
    }
    if (at < chunk.length && this.#phase === INFLATING) this.#rest = chunk.subarray(at);
  }

  /** Adds bytes to an incomplete frame. @returns where the next bytes are */
  #complete(pieces: Buffer[], chunk: Buffer, at: number): number {
    const end = at + this.#missing;
    if (end > chunk.length) {
      pieces.push(chunk.subarray(at));
      this.#missing = end - chunk.length;
      return chunk.length;
    }
    pieces.push(chunk.subarray(at, end));
    this.#pieces = undefined;
    // A header that is complete now tells how much more is missing.
    this.#frame(Buffer.concat(pieces), 0);
    return end;
  }

  /** Keeps the beginning of a frame. @param length of the header, or of the whole frame */
  #keep(bytes: Buffer, at: number, length: number): number {
    this.#pieces = [at === 0 ? bytes : bytes.subarray(at)];
    this.#missing = length - (bytes.length - at);
    return bytes.length;
  }

  /** Reads the frame at a position. @returns where the next one is */
  #frame(bytes: Buffer, at: number): number {
    if (bytes.length - at < 2) return this.#keep(bytes, at, 2);
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    const fault = this.#faultOf(first, second);
    if (fault !== undefined) return this.#fail(1002, `Invalid WebSocket frame: ${fault}`);
    let start = at + 2;
    let length = second & LENGTH;
    if (length >= LENGTH_16) {
      start += length === LENGTH_16 ? 2 : 8;
      if (bytes.length < start) return this.#keep(bytes, at, start - at);
      length = length === LENGTH_16 ? bytes.readUInt16BE(at + 2) : readLength64(bytes, at + 2);
    }
    if ((first & OPCODE.close) === 0 && this.#bytes + length > this.#limits.bytes)
      return this.#fail(1009, length < Infinity ? "Max payload size exceeded" : TOO_LONG);
    start += MASK_BYTES;
    const end = start + length;
    if (bytes.length < end) return this.#keep(bytes, at, end - at);
    unmask(bytes, start, end, bytes.readInt32LE(start - MASK_BYTES));
    this.#dispatch(first, bytes, start, end);
    return end;
  }

  /** Checks the first two bytes of a frame. @returns undefined when nothing is wrong */
  #faultOf(first: number, second: number): string | undefined {
    const opcode = first & 0x0f;
    const isCompressed = (first & RSV1) !== 0;
    if ((first & RSV2_3) !== 0) return "RSV2 and RSV3 must be clear";
    if (isCompressed && (!this.#deflate || opcode === OPCODE.continuation)) return "RSV1 must be clear";
    // A continuation needs a message that has begun, and no other message may begin within one.
    if (opcode <= OPCODE.binary) {
      if ((opcode === OPCODE.continuation) === (this.#opcode === 0)) return `invalid opcode ${opcode}`;
    } else if (opcode < OPCODE.close || opcode > OPCODE.pong) return `invalid opcode ${opcode}`;
    else {
      if ((first & FIN) === 0) return "FIN must be set";
      if (isCompressed) return "RSV1 must be clear";
      const length = second & LENGTH;
      if (length > MAX_CONTROL_BYTES || (opcode === OPCODE.close && length === 1))
        return `invalid payload length ${length}`;
    }
    return (second & MASKED) === 0 ? "MASK must be set" : undefined;
  }

  #dispatch(first: number, bytes: Buffer, start: number, end: number): void {
    const opcode = first & 0x0f;
    if (opcode >= OPCODE.close) this.#control(opcode, bytes.subarray(start, end));
    else if (opcode !== OPCODE.continuation && (first & (FIN | RSV1)) === FIN)
      this.#message(opcode, bytes, start, end);
    else this.#fragment(first, bytes.subarray(start, end));
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.ping) this.#handler.ping(payload);
    else if (opcode === OPCODE.close) this.#close(payload);
  }

  #close(payload: Buffer): void {
    const code = payload.length === 0 ? NO_CODE : payload.readUInt16BE(0);
    if (payload.length > 0 && !isCloseCode(code)) {
      this.#fail(1002, `Invalid WebSocket frame: invalid status code ${code}`);
      return;
    }
    const reason = decode(payload, Math.min(2, payload.length), payload.length);
    if (reason === undefined) {
      this.#fail(1007, NO_UTF8);
      return;
    }
    this.stop();
    this.#handler.closeFrame(code, reason);
  }

  /** Takes a fragment, or a compressed message. */
  #fragment(first: number, payload: Buffer): void {
    if (++this.#fragmentCount > this.#limits.fragments) {
      this.#fail(1008, "Too many message fragments");
      return;
    }
    if ((first & 0x0f) !== OPCODE.continuation) {
      this.#opcode = first & 0x0f;
      this.#isCompressed = (first & RSV1) !== 0;
    }
    this.#bytes += payload.length;
    if (payload.length > 0) {
      if (this.#fragments === undefined) this.#fragments = [payload];
      else this.#fragments.push(payload);
    }
    if ((first & FIN) !== 0) this.#join(this.#opcode, this.#fragments ?? []);
  }

  #join(opcode: number, fragments: readonly Buffer[]): void {
    const [only] = fragments;
    const whole = fragments.length === 1 && only !== undefined ? only : Buffer.concat(fragments);
    this.#opcode = 0;
    this.#fragmentCount = 0;
    this.#bytes = 0;
    this.#fragments = undefined;
    if (this.#isCompressed) this.#inflate(opcode, whole);
    else this.#message(opcode, whole, 0, whole.length);
  }

  #inflate(opcode: number, payload: Buffer): void {
    this.#phase = INFLATING;
    inflateMessage(payload, this.#limits.bytes, (result) => {
      if (this.isInflating) this.#inflated(opcode, result);
      if (!this.isInflating) this.#handler.inflated();
    });
  }

  #inflated(opcode: number, result: Buffer | InflateFault): void {
    const rest = this.#rest;
    this.#rest = undefined;
    this.#phase = READING;
    if (!Buffer.isBuffer(result)) this.#fail(result.code, result.reason);
    else this.#message(opcode, result, 0, result.length);
    if (rest !== undefined) this.push(rest);
  }

  #message(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === OPCODE.binary) {
      this.#handler.binary(bytes.subarray(start, end));
      return;
    }
    const text = decode(bytes, start, end);
    if (text === undefined) this.#fail(1007, NO_UTF8);
    else this.#handler.text(text);
  }

  #fail(code: number, reason: string): number {
    this.stop();
    this.#handler.failed(code, reason);
    return 0;
  }
}

const NO_UTF8 = "Invalid WebSocket frame: invalid UTF-8 sequence";
const TOO_LONG = "Unsupported WebSocket frame: payload length > 2^53 - 1";

/** Reads a length of eight bytes. @returns Infinity for one that no number has */
function readLength64(bytes: Buffer, at: number): number {
  const high = bytes.readUInt32BE(at);
  return high > MAX_HIGH_WORD ? Number.POSITIVE_INFINITY : high * WORD + bytes.readUInt32BE(at + 4);
}

/**
 * Decodes UTF-8. The decoder puts U+FFFD in place of what is no UTF-8, so only a text that contains it needs a check.
 * @returns undefined for bytes that are no UTF-8
 */
function decode(bytes: Buffer, start: number, end: number): string | undefined {
  if (start === end) return "";
  const text = bytes.toString("utf8", start, end);
  return text.includes(REPLACEMENT) && !isUtf8(bytes.subarray(start, end)) ? undefined : text;
}
