import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";
import type { Transport } from "../../local/local.ts";

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

/**
 * Starts the closing handshake. Every close of the server calls this function, because ws throws a RangeError for a
 * long reason. A reason over the limit is cut after its last whole character.
 */
export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  const { read } = encoder.encodeInto(reason, new Uint8Array(MAX_REASON_BYTES));
  socket.close(code, reason.slice(0, read));
}

/** Receiver of the events of a WebSocket. */
export interface SocketEvents {
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
function onError(this: WebSocket): void {
  streamOf(this)?.off("data", onData);
}

function onData(this: Socket & EventSource, { length }: Buffer): void {
  this[EVENTS]?.received(length);
}

/** The stream of a WebSocket; null after its end. */
export function streamOf(socket: WebSocket): Socket | null {
  // The published types of ws lack its private fields.
  return (socket as unknown as { readonly _socket: Socket | null })._socket;
}
