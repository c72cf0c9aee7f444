import { setImmediate as turn } from "node:timers/promises";
import { type FarEnd, MemorySocket } from "./memory-socket.ts";

const TEXT = 0x81; // a final fragment: the servers neither fragment nor send binary messages
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;
/** The answer to an upgrade begins with an H. */
const ANSWER = 0x48;

/** Frames of clients, under a mask of zeros, and so without a change of their bytes when they are unmasked: all clients share them. */
const CLIENT_PONG = Buffer.from([PONG, 0x80, 0, 0, 0, 0]);
const CLIENT_CLOSE = Buffer.from([CLOSE, 0x80, 0, 0, 0, 0]);

/** Clients that answer a ping, or leave, in one turn of the event loop. */
const PER_TURN = 256;
/** Share of the pings without an answer that are answered in a turn, where that is more: turns may be long, and late clients are closed. */
const PONG_SHARE = 1 / 16;

/** First mistakes that are kept. */
const MAX_FAULTS = 5;

/** Where new sockets go, and what their clients send first. */
export interface Door {
  readonly enter: (socket: MemorySocket) => void;
  /** The request of a client. Undefined: the socket sends nothing. */
  readonly requestOf: (number: number) => string | undefined;
  /** Frames after which a client is connected. */
  readonly firstFrames: number;
}

/**
 * The clients' ends of all sockets. They share the process with the server, so they do as little as they can: a text frame is counted in an array, a
 * ping is answered in the next turn, and no client has an object of its own.
 */
export class Crowd implements FarEnd {
  readonly #door: Door;
  readonly #sockets: (MemorySocket | undefined)[] = [];
  /** Text frames by the number of the client. */
  readonly #counts: Uint32Array;
  /** 1 for clients whose texts are read. */
  readonly #isRead: Uint8Array;
  readonly #readers = new Map<number, (text: string) => void>();
  /** Bytes of a frame that the server writes in two pieces. */
  readonly #unfinished = new Map<MemorySocket, number>();
  #pinged: MemorySocket[] = [];
  #answered = 0;
  #isComing = false;
  #isLeaving = false;
  #connected = 0;
  #ended = 0;
  #total = 0;
  #target = Number.POSITIVE_INFINITY;
  #reached: () => void = () => undefined;
  /** Pings that the clients have answered. */
  pongs = 0;
  /** Sockets that the server has closed unasked. */
  lost = 0;
  /** The first mistakes of the server. */
  readonly faults: string[] = [];

  /** @param size clients that will come */
  constructor(size: number, door: Door) {
    this.#door = door;
    this.#counts = new Uint32Array(size);
    this.#isRead = new Uint8Array(size);
  }

  /**
   * Lets clients come until there are `count`, so many of them at once. Resolves when all are connected.
   * @param check is called from time to time, and may throw
   */
  async come(count: number, atOnce: number, check: () => void): Promise<void> {
    this.#isComing = true;
    while (this.#connected < count) {
      while (this.#sockets.length < count && this.#sockets.length - this.#connected < atOnce) this.#open();
      this.#assertGood();
      check();
      await turn();
    }
    this.#isComing = false;
  }

  /** Resolves when so many more text frames have come. Call it before they are sent. */
  reach(more: number): Promise<void> {
    this.#target = this.#total + more;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }

  /** Forgets the messages that have come: each client has its first frames only. */
  forget(): void {
    this.#counts.fill(this.#door.firstFrames, 0, this.#sockets.length);
  }

  /** Reads the texts that come to a client. */
  read(number: number, reader: (text: string) => void): void {
    this.#isRead[number] = 1;
    this.#readers.set(number, reader);
  }

  /** Sends a frame. */
  send(number: number, frame: Buffer): void {
    this.#sockets[number]?.bring(frame);
  }

  /** Lets all clients leave. Resolves when the server has ended their sockets. */
  async leave(check: () => void): Promise<void> {
    this.#isLeaving = true;
    for (const [number, socket] of this.#sockets.entries()) {
      socket?.bring(CLIENT_CLOSE);
      if (number % PER_TURN === PER_TURN - 1) await turn();
    }
    while (this.#ended < this.#sockets.length) {
      check();
      await turn();
    }
    this.#sockets.length = 0;
  }

  /** Text frames on a connection: the fewest and the most, of those that are not read. */
  counts(): { least: number; most: number } {
    const counted = this.#counts.filter((_, number) => this.#isRead[number] === 0);
    return {
      least: counted.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY),
      most: counted.reduce((one, other) => Math.max(one, other), 0),
    };
  }

  written(socket: MemorySocket, bytes: Buffer | string): void {
    if (typeof bytes === "string") {
      // `ws` writes the head of a frame, and then its text as it is.
      if (this.#unfinished.has(socket)) this.#rest(socket, Buffer.byteLength(bytes));
      else if (!bytes.startsWith("HTTP/1.1 101 ")) this.#fault(`answered ${bytes.slice(0, 200)}`);
      return;
    }
    let at = this.#unfinished.size === 0 ? 0 : this.#rest(socket, bytes.length);
    if (bytes[at] === ANSWER) at = bytes.indexOf("\r\n\r\n", at) + 4; // the first frames are behind it
    while (at < bytes.length) {
      const head = bytes[at];
      let length = bytes[at + 1] ?? 0;
      at += 2;
      if (length === 126) {
        length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
        at += 2;
      } else if (length > 126) this.#fault(`a frame of 64 KiB or more, or one under a mask`);
      const end = at + length;
      if (head === TEXT) this.#text(socket, bytes, at, end);
      else if (head === PING) this.#ping(socket);
      else if (head !== CLOSE && head !== PONG) this.#fault(`sent a frame with the head ${head}`);
      at = end;
    }
    if (at > bytes.length) this.#unfinished.set(socket, at - bytes.length);
  }

  ended(socket: MemorySocket): void {
    const { number } = socket;
    if (this.#sockets[number] !== socket) return;
    this.#sockets[number] = undefined;
    this.#ended++;
    if (!this.#isLeaving) this.lost++;
    // Not within the server's call.
    process.nextTick(end, socket);
  }

  #open(): void {
    const { enter, requestOf, firstFrames } = this.#door;
    const number = this.#sockets.length;
    const socket = new MemorySocket(number, this);
    this.#sockets.push(socket);
    enter(socket);
    const request = requestOf(number);
    if (request !== undefined) socket.bring(Buffer.from(request, "latin1"));
    if (firstFrames === 0) this.#connected++;
  }

  #text(socket: MemorySocket, bytes: Buffer, start: number, end: number): void {
    const { number } = socket;
    const count = (this.#counts[number] ?? 0) + 1;
    this.#counts[number] = count;
    if (this.#isComing && count === this.#door.firstFrames) this.#connected++;
    if (this.#isRead[number] === 1) this.#readers.get(number)?.(bytes.toString("latin1", start, end));
    else if (++this.#total === this.#target) this.#reached();
  }

  #ping(socket: MemorySocket): void {
    if (this.#pinged.push(socket) === 1) setImmediate(this.#pong);
  }

  readonly #pong = (): void => {
    const unanswered = this.#pinged.length - this.#answered;
    const end = this.#answered + Math.min(unanswered, Math.max(PER_TURN, Math.ceil(unanswered * PONG_SHARE)));
    this.pongs += end - this.#answered;
    for (; this.#answered < end; this.#answered++) this.#pinged[this.#answered]?.bring(CLIENT_PONG);
    if (this.#answered < this.#pinged.length) {
      setImmediate(this.#pong);
      return;
    }
    this.#pinged = [];
    this.#answered = 0;
  };

  /** Skips the rest of a frame. @returns where the next one begins */
  #rest(socket: MemorySocket, length: number): number {
    const rest = this.#unfinished.get(socket) ?? 0;
    if (rest <= length) this.#unfinished.delete(socket);
    else this.#unfinished.set(socket, rest - length);
    return Math.min(rest, length);
  }

  #fault(what: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push(what);
  }

  #assertGood(): void {
    if (this.lost > 0) this.#fault(`closed ${this.lost} connections`);
    if (this.faults.length > 0) throw new Error(`the server ${this.faults.join("; ")}`);
  }
}

function end(socket: MemorySocket): void {
  if (!socket.destroyed) socket.bringEnd();
}
