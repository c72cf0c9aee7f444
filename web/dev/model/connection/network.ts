import { type Signal, signal } from "@preact/signals";
import type { WebSocketConstructor, WebSocketLike } from "../../../../src/client/client.ts";

const CONNECTING = 0;
const CLOSED = 3;

/** The code of RFC 6455 for a connection that ended without a close frame. */
const NO_CLOSE_FRAME = 1006;

/** Close code of a dropped connection. It is in the range for applications, and clients reconnect after it. */
const DROPPED = 3000;

/** Observer of all that goes over the sockets. */
export interface Tap {
  opened(url: string): void;
  sent(text: string): void;
  received(text: string): void;
  closed(code: number, reason: string): void;
}

/** A network that the page can cut, to show how a client reconnects, and in which it sees every frame. */
export class Network {
  readonly isUp: Signal<boolean> = signal(true);
  readonly #sockets = new Set<CuttableSocket>();
  /** WebSocket class whose sockets use this network. */
  readonly WebSocket: WebSocketConstructor;

  constructor(tap: Tap) {
    const sockets = this.#sockets;
    const isUp = (): boolean => this.isUp.value;
    this.WebSocket = class extends CuttableSocket {
      constructor(url: string, protocol: string) {
        super(isUp() ? new WebSocket(url, protocol) : undefined, tap, () => sockets.delete(this));
        sockets.add(this);
      }
    };
  }

  /** Cuts all connections. Frames in flight are lost. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.cut();
  }

  /** Cuts all connections and prevents new ones until {@link Network.restore}. */
  disconnect(): void {
    this.isUp.value = false;
    this.cut();
  }

  restore(): void {
    this.isUp.value = true;
    // The browser's event, so that clients retry at once.
    globalThis.dispatchEvent(new Event("online"));
  }
}

/** A WebSocket that can end like an unplugged cable: at once, without a closing handshake. */
class CuttableSocket implements WebSocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly #tap: Tap;
  readonly #forget: () => void;
  #socket: WebSocket | undefined;
  #hasEnded = false;

  /** @param socket undefined without a network: the attempt to connect fails */
  constructor(socket: WebSocket | undefined, tap: Tap, forget: () => void) {
    this.#socket = socket;
    this.#tap = tap;
    this.#forget = forget;
    if (socket === undefined) setTimeout(() => this.#end(NO_CLOSE_FRAME, "no network"));
    else this.#listen(socket);
  }

  get readyState(): number {
    if (this.#hasEnded) return CLOSED;
    return this.#socket?.readyState ?? CONNECTING;
  }

  send(text: string): void {
    this.#tap.sent(text);
    this.#socket?.send(text);
  }

  close(code?: number, reason?: string): void {
    this.#socket?.close(code, reason);
  }

  cut(): void {
    this.#end(NO_CLOSE_FRAME, "dropped on purpose");
    this.#socket?.close(DROPPED, "dropped on purpose");
  }

  /** Forwards events. Messages after the cut are dropped, because they are lost with the connection. */
  #listen(socket: WebSocket): void {
    socket.onopen = () => {
      this.#tap.opened(socket.url);
      this.onopen?.();
    };
    socket.onmessage = (event) => {
      if (this.#hasEnded) return;
      if (typeof event.data === "string") this.#tap.received(event.data);
      this.onmessage?.(event);
    };
    socket.onclose = ({ code, reason }) => this.#end(code, reason);
  }

  #end(code: number, reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#forget();
    this.#tap.closed(code, reason);
    this.onclose?.({ code, reason });
  }
}
