import { DIALECT, shouldReconnect } from "../../protocol/protocol.ts";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import type { Cancel, Timers } from "./timers.ts";
import type { WebSocketConstructor, WebSocketEvent, WebSocketLike } from "./web-socket.ts";

/**
 * `connecting`: until the server's welcome. `open`: logged in. `waiting`: for the next attempt. `closed`: no further
 * attempts.
 */
export type SocketState = "connecting" | "open" | "waiting" | "closed";

/** The end of a connection or of an attempt to connect. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly willRetry: boolean;
  /** Milliseconds until the next attempt, with `willRetry`. */
  readonly delayMs?: number;
}

export interface SocketHandlers<Opening> {
  /** Called when an attempt starts. Resolves with the URL, and with the value that `opened` gets. */
  prepare(attempt: number): Promise<{ url: string; opening: Opening }>;
  /** Called when the WebSocket is open: the client can log in. */
  opened(opening: Opening): void;
  text(text: string): void;
  /** Called when a connection or an attempt ended, unless `stop` ended it. */
  ended(ending: Ending): void;
}

export interface SocketOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly reconnect: BackoffOptions;
  /** Maximum duration of an attempt, in milliseconds. */
  readonly connectTimeoutMs: number;
}

/** Close code of RFC 6455 for a connection that ended without a close frame, or could not be made. */
export const NO_CLOSE_FRAME = 1006;

const NORMAL = 1000;
/** `readyState` of an open WebSocket. */
const OPEN = 1;

/** Timeout of `stop` for the server's half of the closing handshake. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Opens one WebSocket after another, until the server closes with a final code or the application stops it. */
export class ReconnectingSocket<Opening> {
  readonly #options: SocketOptions;
  readonly #handlers: SocketHandlers<Opening>;
  readonly #timers: Timers;
  #socket: WebSocketLike | undefined;
  #state: SocketState = "waiting";
  /** Attempts since the last welcome. */
  #attempts = 0;
  /** Delays since the last welcome. */
  #delays = 0;
  /** Counts starts and ends of attempts. A late result with another number belongs to an earlier attempt. */
  #serial = 0;
  /** The server's delay for the next attempt, in place of the backoff. */
  #reconnectMs: number | undefined;
  #cancelTimer: Cancel | undefined;
  readonly #online = (): void => this.retryNow();

  constructor(options: SocketOptions, timers: Timers, handlers: SocketHandlers<Opening>) {
    this.#options = options;
    this.#timers = timers;
    this.#handlers = handlers;
  }

  get state(): SocketState {
    return this.#state;
  }

  start(): void {
    if (this.#state === "closed") return;
    network()?.addEventListener?.("online", this.#online);
    this.retryNow();
  }

  /** Starts the next attempt now. */
  retryNow(): void {
    if (this.#state !== "waiting") return;
    this.#cancelTimer?.();
    void this.#connect();
  }

  /** Drops the text when the WebSocket is not open: its end is reported, and calls are repeated or rejected then. */
  write(text: string): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  /** Marks the login as successful. The backoff starts again from its first delay. */
  welcomed(): void {
    this.#cancelTimer?.();
    this.#state = "open";
    this.#attempts = 0;
    this.#delays = 0;
  }

  /** Sets the delay before the next attempt, because the server announced that it closes. */
  reconnectAfter(delayMs: number): void {
    this.#reconnectMs = delayMs;
  }

  /** Ends the connection as if the server had closed it with this code. */
  fail(code: number, reason: string): void {
    const socket = this.#socket;
    this.#end(code, reason);
    socket?.close();
  }

  /** Closes without further attempts. Resolves after the closing handshake, or after its timeout. */
  stop(): Promise<void> {
    const socket = this.#socket;
    this.#detach("closed");
    if (socket === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const giveUp = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      socket.onclose = () => {
        clearTimeout(giveUp);
        resolve();
      };
      socket.close(NORMAL);
    });
  }

  async #connect(): Promise<void> {
    const serial = ++this.#serial;
    this.#state = "connecting";
    const { connectTimeoutMs } = this.#options;
    this.#cancelTimer = this.#timers.after(connectTimeoutMs, () => {
      this.fail(NO_CLOSE_FRAME, `no welcome within ${connectTimeoutMs} ms`);
    });
    try {
      const { url, opening } = await this.#handlers.prepare(++this.#attempts);
      if (serial === this.#serial) this.#open(url, opening);
    } catch (error) {
      if (serial === this.#serial) this.#end(NO_CLOSE_FRAME, String(error));
    }
  }

  #open(url: string, opening: Opening): void {
    const socket = new this.#options.WebSocket(url, DIALECT);
    this.#socket = socket;
    const isCurrent = (): boolean => this.#socket === socket;
    socket.onopen = () => {
      if (isCurrent()) this.#handlers.opened(opening);
    };
    socket.onmessage = ({ data }: WebSocketEvent) => {
      if (isCurrent() && typeof data === "string") this.#handlers.text(data);
    };
    socket.onclose = ({ code = NO_CLOSE_FRAME, reason = "" }: WebSocketEvent) => {
      if (isCurrent()) this.#end(code, reason);
    };
    // A close event follows. Without this handler `ws` would throw the error.
    socket.onerror = () => {};
  }

  #end(code: number, reason: string): void {
    const willRetry = shouldReconnect(code);
    this.#detach(willRetry ? "waiting" : "closed");
    if (!willRetry) {
      this.#handlers.ended({ code, reason, willRetry });
      return;
    }
    const delayMs = this.#reconnectMs ?? backoffMs(this.#delays, this.#options.reconnect);
    this.#reconnectMs = undefined;
    this.#delays++;
    this.#cancelTimer = this.#timers.after(delayMs, () => this.retryNow());
    this.#handlers.ended({ code, reason, willRetry, delayMs });
  }

  #detach(state: "waiting" | "closed"): void {
    this.#serial++;
    this.#socket = undefined;
    this.#state = state;
    this.#cancelTimer?.();
    if (state === "closed") network()?.removeEventListener?.("online", this.#online);
  }
}

/** The global object, which emits `online` in browsers and workers. Node's emits no events. */
function network(): Partial<EventTarget> {
  return globalThis as Partial<EventTarget>; // not every program includes the types of browsers
}
