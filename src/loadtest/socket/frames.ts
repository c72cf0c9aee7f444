/** Frames of RFC 6455 as a client reads and writes them. */

/** Receives the frames of a {@link FrameReader}. */
export interface FrameSink {
  /** A whole message; binary ones are read as UTF-8 too, because many servers echo text as binary. */
  text(text: string): void;
  ping(payload: Buffer): void;
  close(code: number, reason: string): void;
}

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const NOTHING = Buffer.alloc(0);

/** Longest message that is read. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Reads the frames of one connection. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** Bytes of a frame that has not arrived whole. */
  #carry: Buffer = NOTHING;
  /** Parts of a fragmented message. */
  #parts: Buffer[] | undefined;
  /** Bytes of the two together. */
  #held = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /**
   * Takes the next bytes, which may be reused afterwards.
   * @throws Error when they are no frames of a server
   */
  push(chunk: Buffer): void {
    const bytes = this.#carry === NOTHING ? chunk : Buffer.concat([this.#carry, chunk]);
    this.#carry = NOTHING;
    let at = 0;
    while (bytes.length - at >= 2) {
      const start = at + headerLength(bytes, at);
      if (bytes.length < start) break;
      const end = start + payloadLength(bytes, at);
      if (end - start + this.#held > MAX_BYTES)
        throw new Error(`a message is longer than ${MAX_BYTES} bytes`);
      if (end > bytes.length) break;
      this.#take(bytes.readUInt8(at), bytes.subarray(start, end));
      at = end;
    }
    if (at < bytes.length) this.#carry = Buffer.from(bytes.subarray(at));
  }

  #take(head: number, payload: Buffer): void {
    if ((head & 0x70) !== 0) throw new Error("a frame uses an extension that was not agreed on");
    const opcode = head & 0x0f;
    const isFinal = head >= 0x80;
    if (opcode === PING) this.#sink.ping(payload);
    else if (opcode === CLOSE)
      this.#sink.close(payload.length < 2 ? 1005 : payload.readUInt16BE(), payload.toString("utf8", 2));
    else if (opcode === TEXT || opcode === BINARY || opcode === CONTINUATION) this.#part(isFinal, payload);
    else if (opcode !== PONG) throw new Error(`unexpected opcode ${opcode}`);
  }

  #part(isFinal: boolean, payload: Buffer): void {
    if (isFinal && this.#parts === undefined) return void this.#sink.text(payload.toString());
    this.#parts ??= [];
    this.#parts.push(Buffer.from(payload));
    this.#held += payload.length;
    if (!isFinal) return;
    const whole = Buffer.concat(this.#parts);
    this.#parts = undefined;
    this.#held = 0;
    this.#sink.text(whole.toString());
  }
}

/**
 * Length of the header of the server's frame at `at`: 2, 4 or 10 bytes. Needs the first two of them.
 * @throws Error when the frame is masked, which only a client's may be
 */
export function headerLength(bytes: Buffer, at: number): number {
  const length = bytes.readUInt8(at + 1);
  if (length > 127) throw new Error("a server's frame is masked");
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}

/** Length of the payload of the frame at `at`. Needs the whole header. */
export function payloadLength(bytes: Buffer, at: number): number {
  const length = bytes.readUInt8(at + 1);
  if (length < 126) return length;
  if (length === 126) return bytes.readUInt16BE(at + 2);
  return Number(bytes.readBigUInt64BE(at + 2));
}

/** A client's frame. The mask is zero, which RFC 6455 allows and which spares the client the work. */
function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = Buffer.alloc(6 + lengthBytes);
  header.writeUInt8(0x80 | opcode, 0);
  header.writeUInt8(0x80 | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127), 1);
  if (lengthBytes === 2) header.writeUInt16BE(length, 2);
  if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

/** A text frame as a client sends it. */
export const clientText = (text: string): Buffer => clientFrame(TEXT, Buffer.from(text));

/** The answer to a ping. */
export const clientPong = (payload: Buffer): Buffer => clientFrame(PONG, payload);

/** The frame that ends a connection. */
export function clientClose(code: number): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return clientFrame(CLOSE, payload);
}
