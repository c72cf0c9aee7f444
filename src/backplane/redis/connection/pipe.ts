import { type Redis, ReplyError } from "ioredis";
import { giveBuffer, takeBuffer } from "./buffer-pool.ts";
import { pack } from "./packed-command.ts";

/** What Redis answered to the commands of a call. */
export interface PipeAnswer {
  /** One for each command, in order; {@link FAILED} for an error. */
  readonly numbers: readonly number[];
  /** The first error, if there was one. */
  readonly error: Error | undefined;
}

/** In the place of a number that an error came for. */
export const FAILED = -1;

const MULTI = `*1\r\n${pack("MULTI")}`;
const EXEC = `*1\r\n${pack("EXEC")}`;
/** Shorter calls are sent as text, longer ones from memory that is used again. */
const LARGE = 4_096;
/** First bytes of replies: an array, an error, a number. */
const STAR = 42;
const MINUS = 45;
const COLON = 58;
const RETURN = 13;
const NEWLINE = 10;

/** Commands that were sent in one piece, and what has been answered so far. */
class Call {
  readonly numbers: number[] = [];
  readonly count: number;
  /** Replies that come before the numbers. */
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
 * A connection for commands whose answers are numbers: PUBLISH, and transactions of RPUSHX by the hundred. The client library opens it, by
 * whatever way leads to the master; from then on it is written and read here. The library would spend 0.4 to 0.6 µs on each answer, a fifth of what
 * a stored message costs this node; and of each of its commands 1.7 KB outlive the minor collections, which leaves them to major ones that hold
 * up messages for 100 ms every few seconds. The answers are RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export class Pipe {
  readonly #timeoutMs: number;
  readonly #onEnd: () => void;
  #connection: Redis | undefined;
  #calls: Call[] = [];
  /** How many of these are answered: they are taken out together, for there may be very many when Redis was slow. */
  #done = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Of the reply that is being read: its first byte, 0 between two replies; its number, or its text when it is an error. */
  #kind = 0;
  #number = 0;
  #text = "";

  /**
   * @param timeoutMs a call that takes longer ends the connection
   * @param onEnd is told when the connection has ended, and was not closed
   */
  constructor(timeoutMs: number, onEnd: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onEnd = onEnd;
  }

  get isOpen(): boolean {
    return this.#connection?.status === "ready";
  }

  /** @param connection has not been used, and does not connect again by itself */
  async open(connection: Redis): Promise<void> {
    this.close();
    this.#connection = connection;
    this.#kind = 0;
    this.#text = "";
    connection.once("end", () => this.#ended(connection));
    await connection.connect();
    const { stream } = connection;
    stream.removeAllListeners("data");
    stream.on("data", (chunk: Buffer) => {
      // What comes late on a former connection is none of this one's answers.
      if (this.#connection === connection) this.#read(chunk);
    });
  }

  /**
   * Sends commands, written down as Redis reads them, in pieces.
   * @param count how many they are
   * @throws Error when there is no answer: then it is not known which have been run
   */
  call(commands: readonly string[], count: number): Promise<PipeAnswer> {
    return this.#send(commands, count, 0);
  }

  /**
   * The same as one: all of them are run, with nothing of others between, or none.
   * @throws ReplyError when Redis takes one of them not even down: none has been run
   * @throws Error when there is no answer: then it is not known whether they have been run
   */
  transaction(commands: readonly string[], count: number): Promise<PipeAnswer> {
    // Before the numbers it is answered that MULTI has begun, that each command is taken down, and what EXEC opens with.
    return this.#send([MULTI, ...commands, EXEC], count, count + 2);
  }

  /** What is under way fails. */
  close(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    connection.disconnect();
    this.#fail(new Error("the connection was closed"));
  }

  #send(pieces: readonly string[], count: number, before: number): Promise<PipeAnswer> {
    const connection = this.#connection;
    if (connection === undefined || !this.isOpen) return Promise.reject(new Error("there is no connection"));
    const bytes = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
    const buffer = bytes < LARGE ? undefined : takeBuffer(bytes);
    const answer = Promise.withResolvers<PipeAnswer>();
    this.#calls.push(new Call(count, before, buffer, answer));
    this.#timer ??= setTimeout(this.#watch, this.#timeoutMs);
    if (buffer === undefined) connection.stream.write(pieces.join(""));
    else {
      let end = 0;
      for (const piece of pieces) end += buffer.write(piece, end);
      connection.stream.write(buffer.subarray(0, end));
    }
    return answer.promise;
  }

  /** Calls are answered in their order: only the first one can be late. */
  readonly #watch = (): void => {
    const [call] = this.#calls;
    this.#timer = undefined;
    if (call === undefined) return;
    const left = call.sentAt + this.#timeoutMs - performance.now();
    if (left > 0) this.#timer = setTimeout(this.#watch, left);
    else this.#connection?.stream.destroy();
  };

  #ended(connection: Redis): void {
    connection.disconnect(); // and no more watches for failovers
    if (this.#connection !== connection) return;
    this.#connection = undefined;
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
        // The library may have taken its last answer for complete before the end of the line had come.
        if (byte === RETURN || byte === NEWLINE) continue;
        kind = byte;
        number = 0;
      } else if (byte === NEWLINE) {
        this.#answered(kind, number);
        kind = 0;
      } else if (byte !== RETURN) {
        // Of other replies nothing but their kind is looked at.
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
