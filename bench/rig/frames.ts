/** Frames of RFC 6455 for a client that counts messages and does as little else as possible. */

import { type FrameSink, headerLength, payloadLength } from "../../src/loadtest/socket/frames.ts";

const TEXT = 0x81; // final fragment, opcode 1. No server under test fragments or sends binary.
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;
const NOTHING = Buffer.alloc(0);

/**
 * Counts the text frames of one connection. It checks every header and skips the payload, or hands it over while
 * `reading` is on. Engine.IO's heartbeat, a text of one character, is always handed over and never counted.
 */
export class FrameCounter {
  /** May be switched while no frame is half read. */
  reading = true;
  readonly #sink: FrameSink;
  #carry: Buffer = NOTHING;
  #skip = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /**
   * Takes the next bytes, which may be reused afterwards. Returns how many text frames were completed by them.
   * @throws Error when the bytes are no unfragmented, unmasked WebSocket frames.
   */
  push(chunk: Buffer): number {
    const bytes = this.#carry === NOTHING ? chunk : Buffer.concat([this.#carry, chunk]);
    this.#carry = NOTHING;
    let at = Math.min(this.#skip, bytes.length);
    let count = at > 0 && at === this.#skip ? 1 : 0;
    this.#skip -= at;
    while (bytes.length - at >= 2) {
      const start = at + headerLength(bytes, at);
      if (bytes.length < start) break;
      const end = start + payloadLength(bytes, at);
      const counted = bytes.readUInt8(at) === TEXT && end - start !== 1;
      if (counted && !this.reading && end > bytes.length) {
        this.#skip = end - bytes.length;
        return count;
      }
      if (end > bytes.length) break;
      if (!counted || this.reading) this.#handOver(bytes.readUInt8(at), bytes.subarray(start, end));
      if (counted) count++;
      at = end;
    }
    if (at < bytes.length) this.#carry = Buffer.from(bytes.subarray(at));
    return count;
  }

  #handOver(head: number, payload: Buffer): void {
    if (head === TEXT) this.#sink.text(payload.toString());
    else if (head === PING) this.#sink.ping(payload);
    else if (head === CLOSE)
      this.#sink.close(payload.length < 2 ? 1005 : payload.readUInt16BE(), payload.toString("utf8", 2));
    else if (head !== PONG) throw new Error(`unexpected frame head 0x${head.toString(16)}`);
  }
}
