import { badRequest, DIALECT, type TidingsError } from "../../protocol/protocol.ts";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import { PROBE_MS } from "./liveness.ts";
import type { Cancel, Timers } from "./timers.ts";
import type { WebSocketConstructor, WebSocketEvent, WebSocketLike } from "./web-socket.ts";

/**
 * `connecting`: until the server's welcome. `open`: logged in. `waiting`: for the next attempt. `paused`: until the
 * application connects again. `closed`: no further attempts.
 */
export type SocketState = "connecting" | "open" | "waiting" | "paused" | "closed";

/** The end of a connection or of an attempt to connect. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly willRetry: boolean;
  /** Milliseconds until the next attempt, with `willRetry`. */
  readonly delayMs?: number;
  /** Cause that is known better than by its code. */
  readonly error?: TidingsError | undefined;
}

export interface SocketHandlers<Opening> {
  /**
   * Called when an attempt starts. Resolves with the URL, and with the value that `open` gets. A TidingsError that is
   * not retryable ends the attempts.
   */
  prepare(attempt: number): Promise<{ url: string; opening: Opening }>;
  /** Called when the WebSocket is open: the client can log in. */
  open(opening: Opening): void;
  text(text: string): void;
  /** Tells whether another attempt may succeed after an end with this code. */
  willRetry(code: number): boolean;
  /** Called when a connection or an attempt ended, unless `pause` or `stop` ended it. */
  ended(ending: Ending): void;
}

export interface SocketOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly reconnect: BackoffOptions & { readonly maxAttempts: number };
  /** Maximum duration of an attempt, in milliseconds. */
  readonly connectTimeoutMs: number;
}

/** Changes of {@link ReconnectingSocket.fail} to what an equal close by the server would cause. */
export interface Failure {
  /** The next attempt starts at once. */
  readonly retryNow?: boolean;
  /** The cause of a final end: no attempt can succeed. */
  readonly final?: TidingsError | undefined;
}

/** Close code of RFC 6455 for a connection that ended without a close frame, or could not be made. */
export const NO_CLOSE_FRAME = 1006;

const NORMAL = 1000;
/** `readyState` of an open WebSocket. */
const OPEN = 1;

/** Timeout of `stop` for the server's half of the closing handshake. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Opens one WebSocket after another, until an end is final or the application stops it. */
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
  /** End of the present attempt's time, by `performance.now()`. */
  #attemptEnds = 0;
  #cancelTimer: Cancel | undefined;

  constructor(options: SocketOptions, timers: Timers, handlers: SocketHandlers<Opening>) {
    this.#options = options;
    this.#timers = timers;
    this.#handlers = handlers;
  }

  get state(): SocketState {
    return this.#state;
  }

  /**
   * Starts the next attempt now. An attempt that runs gets 5 s more at most, because it may have begun on a network that
   * is gone.
   */
  hasten(): void {
    if (this.#state === "waiting" || this.#state === "paused") {
      this.#cancelTimer?.();
      void this.#connect();
    } else if (this.#state === "connecting" && this.#attemptEnds - performance.now() > PROBE_MS) {
      this.#limitAttempt(PROBE_MS, true);
    }
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
  reconnectAfter(delayMs: number | undefined): void {
    this.#reconnectMs = delayMs;
  }

  /** Ends the connection as if the server had closed it with this code. */
  fail(code: number, reason: string, failure?: Failure): void {
    const socket = this.#socket;
    this.#end(code, reason, failure);
    socket?.close();
  }

  /** Ends the connection and starts no attempt until `hasten`. */
  pause(): void {
    const socket = this.#socket;
    this.#detach("paused");
    socket?.close(NORMAL);
  }

  /** Closes without further attempts. Resolves after the closing handshake, or after its timeout. */
  async stop(): Promise<void> {
    const socket = this.#socket;
    this.#detach("closed");
    if (!socket) return;
    await new Promise<void>((resolve) => {
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
    this.#limitAttempt(this.#options.connectTimeoutMs);
    try {
      const { url, opening } = await this.#handlers.prepare(++this.#attempts);
      if (serial === this.#serial) this.#open(url, opening);
    } catch (error) {
      const cause = error as TidingsError | undefined; // or whatever has its fields
      const final = cause?.retryable === false ? cause : undefined;
      if (serial === this.#serial) this.#end(NO_CLOSE_FRAME, String(error), { final });
    }
  }

  #limitAttempt(timeoutMs: number, retryNow = false): void {
    this.#cancelTimer?.();
    this.#attemptEnds = performance.now() + timeoutMs;
    this.#cancelTimer = this.#timers.after(timeoutMs, () => {
      this.fail(NO_CLOSE_FRAME, `no welcome within ${timeoutMs} ms`, { retryNow });
    });
  }

  #open(url: string, opening: Opening): void {
    const socket = this.#make(url);
    this.#socket = socket;
    const isCurrent = (): boolean => this.#socket === socket;
    socket.onopen = () => {
      if (isCurrent()) this.#handlers.open(opening);
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

  /** @throws TidingsError `bad_request` when the platform refuses the URL, as it will at every attempt */
  #make(url: string): WebSocketLike {
    try {
      return new this.#options.WebSocket(url, DIALECT);
    } catch (cause) {
      throw badRequest(`WebSocket: ${cause}`, { cause });
    }
  }

  #end(code: number, reason: string, { retryNow = false, final }: Failure = {}): void {
    const { reconnect } = this.#options;
    const mayRetry = !final && this.#handlers.willRetry(code);
    const willRetry = mayRetry && this.#attempts < reconnect.maxAttempts;
    this.#detach(willRetry ? "waiting" : "closed");
    if (!willRetry) {
      this.#handlers.ended({ code, reason, willRetry, error: final });
      return;
    }
    const delayMs = retryNow ? 0 : (this.#reconnectMs ?? backoffMs(this.#delays, reconnect));
    this.#reconnectMs = undefined;
    this.#delays++;
    this.#cancelTimer = this.#timers.after(delayMs, () => this.hasten());
    this.#handlers.ended({ code, reason, willRetry, delayMs });
  }

  #detach(state: "waiting" | "paused" | "closed"): void {
    this.#serial++;
    this.#socket = undefined;
    this.#state = state;
    this.#cancelTimer?.();
  }
}
