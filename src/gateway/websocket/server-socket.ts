import type { Socket } from "node:net";
import { type ByteStream, type Transport, textFrame } from "../../local/local.ts";
import { CLOSE } from "../../protocol/protocol.ts";
import { closeFrame, cutReason, NO_CLOSE_FRAME, pongFrame } from "./control-frames.ts";
import { type FrameHandler, type MessageLimits, Receiver } from "./receiver.ts";
import { hasHadItsTurn } from "./turn.ts";
import type { UpgradeAnswer } from "./upgrade-answer.ts";

/** Receiver of the events of a WebSocket. */
export interface SocketEvents {
  /** Takes notice of a read of the socket, after its messages. */
  received(bytes: number): void;
  text(text: string): void;
  binary(bytes: Buffer): void;
  /** The last event. @param code of the client's close frame; 1005 for one without a code, 1006 without one */
  closed(code: number, reason: string): void;
}

/** Settings that all sockets of a server share. */
export interface SocketSettings {
  readonly limits: MessageLimits;
  /** Time that a client has for its part of the closing handshake, after which the server cuts it. */
  readonly closeTimeoutMs: number;
}

/** End of a WebSocket that the server has begun. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
  /** True when a frame has broken RFC 6455 or a limit of messages. */
  readonly byReceiver: boolean;
}

/** Pongs that a busy socket holds. */
const MAX_PONGS = 128;

/** Key of the WebSocket on its stream: listeners that all streams share find it there, and a closure for each would cost 200 bytes and more. */
const OWNER = Symbol("websocket");

interface OwnedStream extends Socket {
  [OWNER]?: ServerSocket;
}

const OPEN = 0;
const CLOSING = 1;
const CLOSED = 2;

/**
 * The server's side of a WebSocket, on a socket whose handshake is done. It is a stream of whole frames too: send queues write to it, and nothing follows its
 * close frame.
 */
export class ServerSocket implements Transport, ByteStream, FrameHandler {
  readonly #stream: Socket;
  readonly deflate: boolean;
  readonly #settings: SocketSettings;
  readonly #receiver: Receiver;
  #events: SocketEvents | undefined;
  /** The answer to the handshake, until it has left. */
  #answer: string | undefined;
  #state: typeof OPEN | typeof CLOSING | typeof CLOSED = OPEN;
  #isPaused = false;
  /** True when nothing that the client sends counts any more. */
  #isDeaf = false;
  /** True while pongs are collected, to leave in one write. */
  #isCorked = false;
  /** Pongs since the stream was last empty. */
  #pongs = 0;
  /** Payload of the last ping that waits for the socket to take earlier pongs. */
  #lastPing: Buffer | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  #code = NO_CLOSE_FRAME;
  #reason = "";
  #ending: Ending | undefined;

  /**
   * @param answer to the handshake, whole. It leaves in one write with the first frames of this turn of the event loop, or alone a turn later: a write costs
   * more than any other step of a login
   * @param deflate compression that both sides agreed to; undefined: none
   */
  constructor(stream: Socket, settings: SocketSettings, answer: string, deflate: UpgradeAnswer["deflate"]) {
    this.#stream = stream;
    this.#settings = settings;
    this.#answer = answer;
    this.deflate = deflate?.canDeflate ?? false;
    this.#receiver = new Receiver(this, settings.limits, deflate !== undefined);
    // The send queues write in an immediate of this turn.
    setImmediate(answerAfterThem, this);
  }

  /** Writes the answer to the handshake, if it has not left yet. */
  writeAnswer(): void {
    if (this.#answer !== undefined && this.#stream.writable) this.#stream.write(this.#answer, "latin1");
    this.#answer = undefined;
  }

  /** Begins to read. */
  listen(events: SocketEvents): void {
    this.#events = events;
    const stream: OwnedStream = this.#stream;
    stream[OWNER] = this;
    stream.setTimeout(0).setNoDelay();
    // An `error` event without a listener ends the process. A stream with an error closes by itself.
    if (stream.listenerCount("error") === 0) stream.on("error", ignore);
    stream.on("close", onClose).on("end", onEnd).on("data", onData);
  }

  /** The end that the server has begun; undefined when the client closed first, or the connection was lost. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** True when a message has begun and not ended. */
  get isUnfinished(): boolean {
    return this.#receiver.isUnfinished;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
    if (!this.#isDeaf) this.#stream.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.readOn();
  }

  /** Goes on reading, unless the socket is paused or a message is inflated. */
  readOn(): void {
    if (!this.#isPaused && !this.#receiver.isInflating) this.#stream.resume();
  }

  get stream(): ByteStream {
    return this;
  }

  get bytesRead(): number {
    return this.#stream.bytesRead;
  }

  get readableLength(): number {
    return this.#stream.readableLength;
  }

  get writableLength(): number {
    return this.#stream.writableLength;
  }

  /**
   * Writes whole frames, unless the socket is closing: a write behind the end of the stream would destroy it, with all that the client has not taken yet.
   * @param written not called when the socket is closing
   */
  write(frames: Uint8Array, written?: (error?: Error | null) => void): boolean {
    if (this.#state !== OPEN || !this.#stream.writable) return false;
    return this.#stream.write(
      this.#answer === undefined ? frames : this.#behindAnswer(this.#answer, frames),
      written,
    );
  }

  #behindAnswer(answer: string, frames: Uint8Array): Buffer {
    this.#answer = undefined;
    const whole = Buffer.allocUnsafe(answer.length + frames.length);
    whole.write(answer, "latin1");
    whole.set(frames, answer.length);
    return whole;
  }

  cork(): void {
    this.#stream.cork();
  }

  uncork(): void {
    this.#stream.uncork();
  }

  /** Sends a text, unless the socket is closing. */
  send(text: string): void {
    this.write(textFrame(text));
  }

  /** Starts the closing handshake, unless it has begun. A reason of more than 123 bytes is cut after a character. */
  close(code: number, reason: string): void {
    if (this.#state !== OPEN) return;
    const text = cutReason(reason);
    this.#ending = { code, reason: text, byReceiver: false };
    this.#sendClose(code, text);
    // The client's part of the handshake is behind the rest of its flood, and to parse that would delay everybody else.
    if (code === CLOSE.rate_limited.code) this.#end();
  }

  terminate(): void {
    if (this.#state === OPEN) this.#state = CLOSING;
    this.#stream.destroy();
  }

  /** Reads a chunk. */
  take(chunk: Buffer): void {
    this.#receiver.push(chunk);
    this.#uncork();
    this.#events?.received(chunk.length);
    if (this.#isDeaf) return;
    if (this.#receiver.isInflating) this.#stream.pause();
    else if (hasHadItsTurn(this.#stream, chunk.length)) {
      this.#stream.pause();
      setImmediate(readOn, this);
    }
  }

  text(text: string): void {
    this.#events?.text(text);
  }

  binary(bytes: Buffer): void {
    this.#events?.binary(bytes);
  }

  /** Answers a ping. While the client does not take the pongs, only the last ping is answered (RFC 6455 section 5.5.3). */
  ping(payload: Buffer): void {
    if (this.#state !== OPEN) return;
    if (this.#stream.writableLength === 0) this.#pongs = 0;
    if (this.#pongs === MAX_PONGS) {
      this.#lastPing = Buffer.from(payload);
      return;
    }
    this.#lastPing = undefined;
    this.#pongs++;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#stream.cork();
    }
    this.write(pongFrame(payload), this.#pongs === MAX_PONGS ? () => this.#pongsLeft() : undefined);
  }

  closeFrame(code: number, reason: string): void {
    this.#code = code;
    this.#reason = reason;
    if (this.#state === OPEN) this.#sendClose(code, reason);
    this.#end();
  }

  failed(code: number, reason: string): void {
    this.#ending ??= { code, reason, byReceiver: true };
    if (this.#state === OPEN) this.#sendClose(code, "");
    this.#end();
  }

  inflated(): void {
    this.#uncork();
    if (this.#state === CLOSED) this.#finish();
    else this.readOn();
  }

  /** The client has ended its side of the stream. */
  ended(): void {
    this.writeAnswer();
    if (this.#state === OPEN) this.#state = CLOSING;
    // To end a stream twice makes an error with a stack trace.
    if (!this.#stream.writableEnded) this.#stream.end();
  }

  /** The stream has closed. */
  streamClosed(): void {
    clearTimeout(this.#closeTimer);
    this.#state = CLOSED;
    // A stream that was paused may have bytes that nobody has read.
    if (!this.#isDeaf && this.#stream.readableLength > 0) this.#receiver.push(this.#stream.read());
    if (!this.#receiver.isInflating) this.#finish();
  }

  #finish(): void {
    const events = this.#events;
    this.#events = undefined;
    events?.closed(this.#code, this.#reason);
  }

  #sendClose(code: number, reason: string): void {
    this.write(closeFrame(code, reason));
    this.#state = CLOSING;
    this.#closeTimer = setTimeout(destroy, this.#settings.closeTimeoutMs, this.#stream);
  }

  /** Ends the stream behind the close frame, and drops what still arrives. */
  #end(): void {
    this.#isDeaf = true;
    this.#receiver.stop();
    this.#uncork();
    this.#stream.off("data", onData).resume();
    if (!this.#stream.writableEnded) this.#stream.end();
  }

  #uncork(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#stream.uncork();
  }

  /** The socket has taken the pongs. */
  #pongsLeft(): void {
    const last = this.#lastPing;
    this.#lastPing = undefined;
    this.#pongs = 0;
    if (last !== undefined) this.write(pongFrame(last));
  }
}

function onData(this: OwnedStream, chunk: Buffer): void {
  this[OWNER]?.take(chunk);
}

function onEnd(this: OwnedStream): void {
  this[OWNER]?.ended();
}

function onClose(this: OwnedStream): void {
  this[OWNER]?.streamClosed();
}

function answerAfterThem(socket: ServerSocket): void {
  setImmediate(answerAlone, socket);
}

function answerAlone(socket: ServerSocket): void {
  socket.writeAnswer();
}

function readOn(socket: ServerSocket): void {
  socket.readOn();
}

function destroy(stream: Socket): void {
  stream.destroy();
}

function ignore(): void {
  // The stream closes.
}
