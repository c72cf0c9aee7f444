import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";
import type { Transport } from "../../local/local.ts";
import { CLOSE } from "../../protocol/protocol.ts";

/** Transport over a `ws` socket. Frames bypass `ws`: the outbox writes them to the stream itself. */
export class WsTransport implements Transport {
  readonly stream: Socket;
  readonly deflate: boolean;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, stream: Socket, deflate: boolean) {
    this.#socket = socket;
    this.stream = stream;
    this.deflate = deflate;
  }

  close(code: number, reason: string): void {
    closeSocket(this.#socket, code, reason);
    if (code === CLOSE.rate_limited.code) endFlood(this.stream);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  get isPaused(): boolean {
    return this.#socket.isPaused;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

/** RFC 6455 section 5.5: a control frame holds 125 bytes, two of them the close code. */
const MAX_REASON_BYTES = 123;

const encoder = new TextEncoder();

/** End of a WebSocket that the server has begun. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
  /** True when ws closed it by itself, because of a frame that breaks RFC 6455. */
  readonly byReceiver: boolean;
}

const ENDING = Symbol("ending");

interface EndingSocket extends WebSocket {
  [ENDING]?: Ending;
}

/** The end that the server has begun; undefined when the client closed first, or the connection was lost. */
export const endingOf = (socket: EndingSocket): Ending | undefined => socket[ENDING];

/**
 * Starts the closing handshake. Every close of the server calls this function, because ws throws a RangeError for a
 * long reason. A reason over the limit is cut after its last whole character.
 */
export function closeSocket(socket: EndingSocket, code: number, reason: string): void {
  const { read } = encoder.encodeInto(reason, new Uint8Array(MAX_REASON_BYTES));
  const text = reason.slice(0, read);
  if (socket.readyState === socket.OPEN) socket[ENDING] = { code, reason: text, byReceiver: false };
  socket.close(code, text);
}

/**
 * Ends a connection behind its close frame, and drops what still arrives. The client's part of the closing handshake is
 * behind the rest of its flood, and to parse that would delay everybody else.
 */
function endFlood(stream: Socket): void {
  stream.removeAllListeners("data").on("data", () => undefined);
  stream.resume();
  stream.end();
}

/**
 * Takes notice of an error of ws, which has begun to close the socket with the code of the error. The close event has
 * that code only if the client repeats it.
 */
function noteReceiverError(socket: EndingSocket, error: Error): void {
  const code = receiverCodeOf(error);
  if (code !== undefined) socket[ENDING] ??= { code, reason: error.message, byReceiver: true };
}

/** Close codes of the errors of ws. Every other `WS_ERR_…` breaks the framing: 1002. */
const RECEIVER_CODES: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
};

/** @returns undefined for an error of the socket, which is no fault of a frame */
function receiverCodeOf(error: Error & { code?: unknown }): number | undefined {
  const { code } = error;
  if (typeof code !== "string") return undefined;
  if (code.startsWith("WS_ERR_")) return RECEIVER_CODES[code] ?? 1002;
  // zlib could not inflate the message.
  return code.startsWith("Z_") ? 1007 : undefined;
}

/** Receiver of the events of a WebSocket. */
export interface SocketEvents {
  readonly socket: WebSocket;
  /** Takes notice of a read of the socket, after ws has parsed it. */
  received(bytes: number): void;
  message(data: RawData, isBinary: boolean): void;
  closed(code: number, reason: string): void;
}

/** Key of the receiver on a WebSocket and on its stream. */
const EVENTS = Symbol("events");

interface EventSource {
  [EVENTS]?: SocketEvents;
}

/** Passes the events of a WebSocket on. The listeners serve all sockets: closures for each would cost 200 bytes. */
export function listenTo(
  socket: WebSocket & EventSource,
  stream: Socket & EventSource,
  events: SocketEvents,
): void {
  socket[EVENTS] = events;
  stream[EVENTS] = events;
  socket.on("message", onMessage).on("close", onClose).on("error", onError);
  // After the listener of ws, which is there already.
  stream.on("data", onData);
}

function onMessage(this: WebSocket & EventSource, data: RawData, isBinary: boolean): void {
  this[EVENTS]?.message(data, isBinary);
}

function onClose(this: WebSocket & EventSource, code: number, reason: Buffer): void {
  this[EVENTS]?.closed(code, reason.toString());
}

/** ws closes with the right code by itself after an error, and stops reading; so do we. The event needs a listener. */
function onError(this: WebSocket, error: Error): void {
  noteReceiverError(this, error);
  streamOf(this)?.off("data", onData);
}

function onData(this: Socket & EventSource, { length }: Buffer): void {
  this[EVENTS]?.received(length);
  shareTurn(this, length);
}

/**
 * Bytes that the node reads from one socket before others have their turn. libuv reads a socket up to 32 times in a
 * turn of the event loop, so a client that floods, or the rest of its flood after the close, would hold the node for
 * two MiB of small frames.
 */
const READ_BYTES = 65_536;

/** The stream that was read last, and the bytes that were read from it one after the other. */
let lastRead: Socket | undefined;
let readBytes = 0;

/** Stops reading a stream until the next turn when it has had its share. */
function shareTurn(stream: Socket & EventSource, length: number): void {
  if (stream !== lastRead) readBytes = 0;
  lastRead = stream;
  readBytes += length;
  if (readBytes < READ_BYTES) return;
  lastRead = undefined;
  stream.pause();
  setImmediate(readOn, stream);
}

/** Goes on reading, unless the session has paused its socket meanwhile. ws waits for its inflation by itself. */
function readOn(stream: Socket & EventSource): void {
  const socket = stream[EVENTS]?.socket;
  if (socket?.isPaused === false) socket.resume();
}

/** The stream of a WebSocket; null after its end. */
export function streamOf(socket: WebSocket): Socket | null {
  // The published types of ws lack its private fields.
  return (socket as unknown as { readonly _socket: Socket | null })._socket;
}
