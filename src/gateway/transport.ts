import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Transport } from "../local/local.ts";

/** Adapts a `ws` socket for the rooms below. Those write whole frames to the stream themselves. */
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
    this.#socket.close(code, shorten(reason));
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

/** RFC 6455 section 5.5: a control frame has at most 125 bytes, two of them are the close code. */
const MAX_REASON_BYTES = 123;

function shorten(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  // Drop a character that was cut in two.
  return bytes
    .subarray(0, MAX_REASON_BYTES)
    .toString()
    .replace(/\uFFFD+$/, "");
}
