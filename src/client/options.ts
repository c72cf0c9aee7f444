import { type Positions, TidingsError } from "../protocol/protocol.ts";
import type { BackoffOptions } from "./connection/backoff.ts";
import type { WebSocketConstructor } from "./connection/web-socket.ts";

/** A token, or a function that returns one. It is called for every attempt, and shortly before the login expires. */
export type TokenSource = string | (() => string | Promise<string>);

export interface ConnectOptions {
  /**
   * Sent in the first message, so that it appears in no URL and no log. Without `token` and `user` the server
   * authenticates the client by the URL or the browser's cookies.
   */
  token?: TokenSource;
  /** User to connect as, in development mode. */
  user?: string;
  /** Connect without credentials, where the server admits visitors (`policy.anonymous`). @default false */
  anonymous?: boolean;
  /** Platform of this device. @default "web", set by the server */
  platform?: string;
  /** Name of this device, which its cursors are kept under. @default the platform, set by the server */
  device?: string;
  /** Positions to recover from: the `client.positions` that the application stored. */
  positions?: Positions;
  /** Acknowledge a stored message after its listeners ran. @default true */
  autoAck?: boolean;
  /** Maximum number of requests and messages that wait for a connection. @default 100 */
  queueLimit?: number;
  /** Timeout of replies and receipts, in milliseconds. @default 10_000 // 10 s */
  timeoutMs?: number;
  /** Timeout of an attempt, from the token to the welcome, in milliseconds. @default 10_000 // 10 s */
  connectTimeoutMs?: number;
  /** Delays between attempts. @default from 1 s, doubling, at most 30 s, with full jitter */
  reconnect?: Partial<BackoffOptions>;
  /** WebSocket class to connect with. @default the global one */
  WebSocket?: WebSocketConstructor;
}

/** The options with their defaults. */
export interface ClientOptions extends ConnectOptions {
  readonly url: URL;
  readonly autoAck: boolean;
  readonly queueLimit: number;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly reconnect: BackoffOptions;
  readonly WebSocket: WebSocketConstructor;
}

/** @throws TidingsError `bad_request` when the URL is not valid, or there is no WebSocket class */
export function resolveOptions(url: string | URL, options: ConnectOptions): ClientOptions {
  const WebSocket = options.WebSocket ?? globalThis.WebSocket;
  if (WebSocket === undefined) {
    throw new TidingsError("bad_request", "no global WebSocket: pass options.WebSocket");
  }
  return {
    autoAck: true,
    queueLimit: 100,
    timeoutMs: 10_000,
    connectTimeoutMs: 10_000,
    ...options,
    reconnect: { minMs: 1_000, maxMs: 30_000, ...options.reconnect },
    url: webSocketUrl(url),
    WebSocket,
  };
}

/** Browsers may give a URL that is relative to the page, or with http. */
function webSocketUrl(url: string | URL): URL {
  // Only browsers have a page address, and only some programs include its type.
  const { location } = globalThis as { location?: { href: string } };
  try {
    return new URL(new URL(url, location?.href).href.replace(/^http/, "ws"));
  } catch (cause) {
    throw new TidingsError("bad_request", `url: expected ws://… or wss://…, not "${url}"`, { cause });
  }
}
