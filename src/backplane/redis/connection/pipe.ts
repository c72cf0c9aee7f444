import type { Socket } from "node:net";
import { type Redis, ReplyError } from "ioredis";
import { giveBuffer, takeBuffer } from "./buffer-pool.ts";
import { connectSingle } from "./clients.ts";
import { isReady, takeSocket } from "./ioredis.ts";
import { pack } from "./packed-command.ts";

/** Answers of Redis to the commands of a call. */
export interface PipeAnswer {
  /** One number for each command, in order; {@link FAILED} for an error. */
  readonly numbers: readonly number[];
  /** The first error, if there was one. */
  readonly error: Error | undefined;
}

/** Replaces the answer of a command that failed. */
export const FAILED = -1;

const MULTI = `*1\r\n${pack("MULTI")}`;
const EXEC = `*1\r\n${pack("EXEC")}`;
/** Calls from this length on are sent from pooled buffers, shorter ones as strings. */
const LARGE = 4_096;
/** First bytes of replies: an array, an error, a number. */
const STAR = 42;
const MINUS = 45;
const COLON = 58;
const RETURN = 13;
const NEWLINE = 10;

/** Commands that were sent in one piece, and their answers so far. */
class Call {
  readonly numbers: number[] = [];
  readonly count: number;
  /** Replies that are still to come before the numbers. */
  before: number;
  readonly sentAt = performance.now();
  readonly buffer: Buffer | undefined;
  readonly resolve: (answer: PipeAnswer) => void;
  readonly reject: (error: Error) => void;
  error: Error | undefined = undefined;

  constructor(
    count: number,
    before: number,
    buffer: Buffer | undefined,
    { resolve, reject }: PromiseWithResolvers<PipeAnswer>,
  ) {
    this.count = count;
    this.before = before;
    this.buffer = buffer;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/**
 * A connection for commands whose answers are numbers: PUBLISH, and transactions of RPUSHX by the hundred. The client
 * library opens it, and so finds the master; then the pipe writes and reads the socket itself. The library would spend
 * 0.4 to 0.6 µs on each answer, a fifth of the cost of a stored message. And 1.7 KB of each of its commands outlive the
 * minor collections; the major ones that free them hold up messages for 100 ms every few seconds. Answers are RESP,
 * https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export class Pipe {
  readonly #timeoutMs: number;
  readonly #onEnd: () => void;
  #client: Redis | undefined;
  #socket: Socket | undefined;
  #calls: Call[] = [];
  /**
   * Calls at the head of the queue that are answered. They are removed together: after Redis was slow there may be very
   * many.
   */
  #done = 0;
  #timer: NodeJS.Timeout | undefined;
  /**
   * The reply that is being read: its first byte (0 between two replies), and its number, or its text when it is an
   * error.
   */
  #kind = 0;
  #number = 0;
  #text = "";

  /**
   * @param timeoutMs a call that takes longer ends the connection
   * @param onEnd is called when the connection has ended other than by {@link close}
   */
  constructor(timeoutMs: number, onEnd: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onEnd = onEnd;
  }

  get isOpen(): boolean {
    return this.#socket !== undefined && isReady(this.#client);
  }

  /** @param client is unused, and does not reconnect by itself */
  async open(client: Redis): Promise<void> {
    this.close();
    this.#client = client;
    this.#socket = undefined;
    this.#kind = 0;
    this.#text = "";
    client.once("end", () => this.#ended(client));
    await connectSingle(client);
    const socket = takeSocket(client, (chunk) => {
      // Late replies on a former connection answer no call of this one.
      if (this.#client === client) this.#read(chunk);
    });
    if (this.#client === client) this.#socket = socket;
  }

  /**
   * Sends commands, encoded as Redis reads them, in pieces.
   * @param count number of commands
   * @throws Error when no answer came: then it is unknown which commands have run
   */
  call(commands: readonly string[], count: number): Promise<PipeAnswer> {
    return this.#send(commands, count, 0);
  }

  /**
   * Sends commands as one transaction: Redis runs all of them, with nothing of others in between, or none.
   * @throws ReplyError when Redis refuses to queue one of them: none has run
   * @throws Error when no answer came: then it is unknown whether they have run
   */
  transaction(commands: readonly string[], count: number): Promise<PipeAnswer> {
    // Replies before the numbers: one to MULTI, one for each command that is queued, and the opening of the array of
    // EXEC.
    return this.#send([MULTI, ...commands, EXEC], count, count + 2);
  }

  /** Ends the connection. Calls in flight fail. */
  close(): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#client = undefined;
    client.disconnect();
    this.#fail(new Error("the connection was closed"));
  }

  #send(pieces: readonly string[], count: number, before: number): Promise<PipeAnswer> {
    const socket = this.#socket;
    if (socket === undefined || !isReady(this.#client))
      return Promise.reject(new Error("there is no connection"));
    const bytes = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
    const buffer = bytes < LARGE ? undefined : takeBuffer(bytes);
    const answer = Promise.withResolvers<PipeAnswer>();
    this.#calls.push(new Call(count, before, buffer, answer));
    this.#timer ??= setTimeout(this.#checkTimeout, this.#timeoutMs);
    if (buffer === undefined) socket.write(pieces.join(""));
    else {
      let end = 0;
      for (const piece of pieces) end += buffer.write(piece, end);
      socket.write(buffer.subarray(0, end));
    }
    return answer.promise;
  }

  /** Redis answers calls in their order, so only the first one can be overdue. */
  readonly #checkTimeout = (): void => {
    const [call] = this.#calls;
    this.#timer = undefined;
    if (call === undefined) return;
    const left = call.sentAt + this.#timeoutMs - performance.now();
    if (left > 0) this.#timer = setTimeout(this.#checkTimeout, left);
    else this.#socket?.destroy();
  };

  #ended(client: Redis): void {
    client.disconnect(); // also ends the watch of ioredis for failovers
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#fail(new Error("the connection has ended"));
    this.#onEnd();
  }

  #fail(error: Error): void {
    const calls = this.#calls;
    this.#calls = [];
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { reject } of calls) reject(error);
  }

  /** A reply may come in pieces. */
  #read(chunk: Buffer): void {
    let kind = this.#kind;
    let number = this.#number;
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index] ?? 0;
      if (kind === 0) {
        // ioredis may have taken its last answer for complete before the line's end arrived.
        if (byte === RETURN || byte === NEWLINE) continue;
        kind = byte;
        number = 0;
      } else if (byte === NEWLINE) {
        this.#answered(kind, number);
        kind = 0;
      } else if (byte !== RETURN) {
        // Of other replies only the first byte matters.
        if (kind === COLON) number = 10 * number + byte - 48;
        else if (kind === MINUS) this.#text += String.fromCharCode(byte);
      }
    }
    this.#kind = kind;
    this.#number = number;
    this.#calls.splice(0, this.#done);
    this.#done = 0;
  }

  #answered(kind: number, number: number): void {
    const call = this.#calls[this.#done];
    if (call === undefined) return;
    if (kind === MINUS) {
      call.error ??= new ReplyError(this.#text);
      this.#text = "";
    }
    if (call.before > 0) {
      call.before--;
      if (call.before === 0 && kind !== STAR) this.#end(call);
      return;
    }
    call.numbers.push(kind === COLON ? number : FAILED);
    if (call.numbers.length === call.count) this.#end(call);
  }

  #end(call: Call): void {
    const { numbers, count, error, buffer } = call;
    this.#done++;
    if (buffer !== undefined) giveBuffer(buffer);
    if (numbers.length === count) call.resolve({ numbers, error });
    else call.reject(error ?? new Error("Redis did not run the commands"));
  }
}
