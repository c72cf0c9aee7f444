import { type Signal, signal } from "@preact/signals";
import type { WebSocketConstructor, WebSocketLike } from "../../src/client/client.ts";

const CONNECTING = 0;
const CLOSED = 3;

/** The code of RFC 6455 for a connection that ended without a close frame. */
const NO_CLOSE_FRAME = 1006;

/** Of the range that applications may use, and one after which clients reconnect. */
const DROPPED = 3000;

/** The network as the page sees it: one that can be cut, to watch a client come back. */
export class Network {
  readonly isUp: Signal<boolean> = signal(true);
  readonly #sockets = new Set<CuttableSocket>();
  /** To connect with; its sockets live on this network. */
  readonly WebSocket: WebSocketConstructor;

  constructor() {
    const sockets = this.#sockets;
    const isUp = (): boolean => this.isUp.value;
    this.WebSocket = class extends CuttableSocket {
      constructor(url: string, protocol: string) {
        super(isUp() ? new WebSocket(url, protocol) : undefined, () => sockets.delete(this));
        sockets.add(this);
      }
    };
  }

  /** Cuts every connection. What was on its way is lost. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.cut();
  }

  /** Cuts every connection, and lets none be made until {@link Network.restore}. */
  takeAway(): void {
    this.isUp.value = false;
    this.cut();
  }

  restore(): void {
    this.isUp.value = true;
    // As a browser tells it, so that clients do not wait any longer.
    globalThis.dispatchEvent(new Event("online"));
  }
}

/** A WebSocket that can end as if the cable was pulled: at once, and with no closing handshake to wait for. */
class CuttableSocket implements WebSocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly #forget: () => void;
  #socket: WebSocket | undefined;
  #hasEnded = false;

  /** @param socket undefined without a network: then it ends as an attempt to connect does */
  constructor(socket: WebSocket | undefined, forget: () => void) {
    this.#socket = socket;
    this.#forget = forget;
    if (socket === undefined) setTimeout(() => this.#end(NO_CLOSE_FRAME, "no network"));
    else this.#listen(socket);
  }

  get readyState(): number {
    if (this.#hasEnded) return CLOSED;
    return this.#socket?.readyState ?? CONNECTING;
  }

  send(text: string): void {
    this.#socket?.send(text);
  }

  close(code?: number, reason?: string): void {
    this.#socket?.close(code, reason);
  }

  cut(): void {
    this.#end(NO_CLOSE_FRAME, "dropped on purpose");
    this.#socket?.close(DROPPED, "dropped on purpose");
  }

  /** Nothing that arrives after the cut is heard: it is lost with the connection. */
  #listen(socket: WebSocket): void {
    socket.onopen = () => this.onopen?.();
    socket.onmessage = (event) => {
      if (!this.#hasEnded) this.onmessage?.(event);
    };
    socket.onclose = ({ code, reason }) => this.#end(code, reason);
  }

  #end(code: number, reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#forget();
    this.onclose?.({ code, reason });
  }
}
