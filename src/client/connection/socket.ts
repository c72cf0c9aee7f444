import { DIALECT, shouldReconnect } from "../../protocol/protocol.ts";
import type { ClientOptions, WebSocketEvent, WebSocketLike } from "../options.ts";
import { backoffMs } from "./backoff.ts";
import type { Cancel, Timers } from "./timers.ts";

/** `connecting` until the server has welcomed the client, `waiting` for the next attempt, `closed` for good. */
export type SocketState = "connecting" | "open" | "waiting" | "closed";

/** How a connection, or the attempt to make one, ended. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly willRetry: boolean;
  readonly delayMs?: number;
}

export interface SocketHandlers<Opening> {
  /** An attempt starts. Resolves with what `opened` will need, and where to connect to. */
  prepare(attempt: number): Promise<{ url: string; opening: Opening }>;
  /** The WebSocket is open; now the client logs in. */
  opened(opening: Opening): void;
  text(text: string): void;
  ended(ending: Ending): void;
}

type SocketOptions = Pick<ClientOptions, "WebSocket" | "reconnect" | "connectTimeoutMs">;

/** The code of RFC 6455 for a connection that ended without a close frame, or never was. */
export const NO_CLOSE_FRAME = 1006;

const NORMAL = 1000;
const OPEN = 1;

/** How long `stop` waits for the peer's half of the closing handshake. */
const CLOSE_TIMEOUT_MS = 2_000;

/** One WebSocket after another, until the server or the application says that it is enough. */
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
  /** Counts attempts and their ends, so that what belongs to a former one is known when it comes late. */
  #serial = 0;
  #comeBackMs: number | undefined;
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

  /** Does not wait any longer for the next attempt. */
  retryNow(): void {
    if (this.#state !== "waiting") return;
    this.#cancelTimer?.();
    void this.#connect();
  }

  /** What cannot be written is lost with the connection; its end is told. */
  write(text: string): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  /** The login succeeded: the next delay is the first again. */
  welcomed(): void {
    this.#cancelTimer?.();
    this.#state = "open";
    this.#attempts = 0;
    this.#delays = 0;
  }

  /** The server will close, and says when to come back. */
  comeBackAfter(delayMs: number): void {
    this.#comeBackMs = delayMs;
  }

  /** Ends the connection as if the server had closed it with this code. */
  fail(code: number, reason: string): void {
    const socket = this.#socket;
    this.#end(code, reason);
    socket?.close();
  }

  /** Ends for good. Resolves when the closing handshake is done, or was given up. */
  stop(): Promise<void> {
    const socket = this.#socket;
    this.#rest("closed");
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
    // A close follows and tells; but `ws` throws errors that nobody listens to.
    socket.onerror = () => {};
  }

  #end(code: number, reason: string): void {
    const willRetry = shouldReconnect(code);
    this.#rest(willRetry ? "waiting" : "closed");
    if (!willRetry) {
      this.#handlers.ended({ code, reason, willRetry });
      return;
    }
    const delayMs = this.#comeBackMs ?? backoffMs(this.#delays, this.#options.reconnect);
    this.#comeBackMs = undefined;
    this.#delays++;
    this.#cancelTimer = this.#timers.after(delayMs, () => this.retryNow());
    this.#handlers.ended({ code, reason, willRetry, delayMs });
  }

  #rest(state: "waiting" | "closed"): void {
    this.#serial++;
    this.#socket = undefined;
    this.#state = state;
    this.#cancelTimer?.();
    if (state === "closed") network()?.removeEventListener?.("online", this.#online);
  }
}

/** Where browsers and workers tell that the network is back. Node's global object has no events. */
function network(): Partial<EventTarget> {
  return globalThis as Partial<EventTarget>; // so it is in browsers, whose types not every program has
}
