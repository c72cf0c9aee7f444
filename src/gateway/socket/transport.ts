import type { Socket } from "node:net";
import type { WebSocket } from "ws";
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
