import { constants, type InflateRaw, inflateRaw } from "node:zlib";

/** Close code and reason of a message that cannot be inflated. */
export interface InflateFault {
  readonly code: 1007 | 1009;
  readonly reason: string;
}

type Done = (result: Buffer | InflateFault) => void;

/** The end of the last block, which a sender has cut off (RFC 7692 section 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** Bytes before a block that it may refer to. */
const WINDOW_BYTES = 32_768;

/** A block that is marked as final ends the work of zlib. Blocks may follow it, and a message of such blocks alone would cost a call for two bytes. */
const MAX_FINAL_BLOCKS = 8;

/** Messages that are inflated at once, of all connections: more fragment the memory of zlib, and fill the thread pool of the process. */
const MAX_AT_ONCE = 10;

// One count for the process, because it has one thread pool.
let running = 0;
const waiting: Inflation[] = [];

/**
 * Inflates the payload of a message that stands alone (RFC 7692 section 7.2.2), in the thread pool.
 * @param maxBytes inflation stops beyond it
 * @param done called later, once
 */
export function inflateMessage(payload: Buffer, maxBytes: number, done: Done): void {
  const inflation = new Inflation(Buffer.concat([payload, TAIL]), maxBytes, done);
  if (running >= MAX_AT_ONCE) waiting.push(inflation);
  else begin(inflation);
}

function begin(inflation: Inflation): void {
  running++;
  inflation.next();
}

function ended(): void {
  running--;
  const next = waiting.shift();
  if (next !== undefined) begin(next);
}

/** Inflation of one message. */
class Inflation {
  #input: Buffer;
  readonly #maxBytes: number;
  readonly #done: Done;
  #output: Buffer = Buffer.alloc(0);
  #finalBlocks = 0;

  constructor(input: Buffer, maxBytes: number, done: Done) {
    this.#input = input;
    this.#maxBytes = maxBytes;
    this.#done = done;
  }

  /** Inflates up to the end of the input, or to the end of a block that is marked as final. */
  next(): void {
    const dictionary = this.#output.length === 0 ? undefined : this.#output.subarray(-WINDOW_BYTES);
    const maxOutputLength = Math.max(1, this.#maxBytes - this.#output.length);
    const options = { info: true, finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength, dictionary };
    inflateRaw(this.#input, options, (error, result) => {
      // The published types of Node lack the result of `info`.
      if (error === null) this.#took(result as unknown as { buffer: Buffer; engine: InflateRaw });
      else this.#end(faultOf(error));
    });
  }

  #took({ buffer, engine }: { readonly buffer: Buffer; readonly engine: InflateRaw }): void {
    this.#output = this.#output.length === 0 ? buffer : Buffer.concat([this.#output, buffer]);
    this.#input = this.#input.subarray(engine.bytesWritten);
    if (this.#output.length > this.#maxBytes) this.#end(TOO_LARGE);
    else if (this.#input.length <= TAIL.length) this.#end(this.#output);
    else if (++this.#finalBlocks > MAX_FINAL_BLOCKS)
      this.#end({ code: 1007, reason: "too many final blocks" });
    else this.next();
  }

  #end(result: Buffer | InflateFault): void {
    ended();
    this.#done(result);
  }
}

const TOO_LARGE: InflateFault = { code: 1009, reason: "Max payload size exceeded" };

const faultOf = ({ code, message }: NodeJS.ErrnoException): InflateFault =>
  code === "ERR_BUFFER_TOO_LARGE" ? TOO_LARGE : { code: 1007, reason: message };
