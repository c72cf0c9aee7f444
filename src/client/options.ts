import { type Positions, TidingsError } from "../protocol/protocol.ts";
import type { BackoffOptions } from "./connection/backoff.ts";

/** Credentials, or where to get them: called for every attempt to connect, and shortly before the login ends. */
export type TokenSource = string | (() => string | Promise<string>);

export interface ConnectOptions {
  /**
   * Sent as the first message, so that it stands in no URL and no log. Without `token` and `user` the client relies
   * on what the URL or the browser's cookies say about it.
   */
  token?: TokenSource;
  /** Who to be, in development mode. */
  user?: string;
  /** @default "web", by the server */
  platform?: string;
  /** Names this device for its cursors. @default the platform, by the server */
  device?: string;
  /** Where to go on from: what `client.positions` was when the application stored it. */
  positions?: Positions;
  /** Acknowledge stored messages when their listeners have run. @default true */
  autoAck?: boolean;
  /** Requests and messages that may wait for a connection. @default 100 */
  queueLimit?: number;
  /** How long to wait for replies and receipts, in milliseconds. @default 10_000 // 10 s */
  timeoutMs?: number;
  /** How long an attempt may take, from the token to the welcome, in milliseconds. @default 10_000 // 10 s */
  connectTimeoutMs?: number;
  /** Delays between attempts. @default from 1 s, doubling, at most 30 s, with full jitter */
  reconnect?: Partial<BackoffOptions>;
  /** @default the global one */
  WebSocket?: WebSocketConstructor;
}

/** What an event of a WebSocket tells, depending on its type. */
export interface WebSocketEvent {
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** The event types of browsers, Node and `ws` have nothing in common but that each is a {@link WebSocketEvent}. */
type Handler = (event: never) => void;

/** The part of a WebSocket that the client uses. Browsers, Node and the package `ws` all have it. */
export interface WebSocketLike {
  readonly readyState: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: Handler | null;
  onmessage: Handler | null;
  onclose: Handler | null;
  onerror: Handler | null;
}

export type WebSocketConstructor = new (url: string, protocol: string) => WebSocketLike;

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

/** @throws TidingsError `bad_request` when the URL is none, or there is no WebSocket */
export function resolveOptions(url: string | URL, options: ConnectOptions): ClientOptions {
  const WebSocket = options.WebSocket ?? globalThis.WebSocket;
  if (WebSocket === undefined)
    throw new TidingsError("bad_request", "WebSocket: there is none here; give one");
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

/** Browsers may name the server relative to the page, and with http. */
function webSocketUrl(url: string | URL): URL {
  // The page's address exists in browsers only, and so in the types of some programs only.
  const { location } = globalThis as { location?: { href: string } };
  try {
    return new URL(new URL(url, location?.href).href.replace(/^http/, "ws"));
  } catch (cause) {
    throw new TidingsError("bad_request", `url: expected ws://… or wss://…, not "${url}"`, { cause });
  }
}
