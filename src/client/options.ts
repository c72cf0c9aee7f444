import { badRequest, type Positions } from "../protocol/protocol.ts";
import type { BackoffOptions } from "./connection/backoff.ts";
import type { WebSocketConstructor } from "./connection/web-socket.ts";

/**
 * A token, or a function that returns one. It is called for every attempt, and at two thirds of a login's lifetime. A
 * function that throws is called again with backoff. It gives up, which ends the session with `unauthorized`, by
 * throwing a TidingsError that is not retryable, or by returning nothing.
 */
export type TokenSource = string | (() => TokenOrNone | Promise<TokenOrNone>);
type TokenOrNone = string | null | undefined;

/** Delays and number of the attempts to connect. */
export interface ReconnectOptions extends BackoffOptions {
  /** Failed attempts in a row after which the client closes. @default Infinity */
  readonly maxAttempts: number;
}

/** A place for the positions of a page: `sessionStorage`, `localStorage`, or an object with these two methods. */
export interface PositionStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** An option that is `undefined` has its default. A bad value is the error `bad_request`. */
export interface ConnectOptions {
  /** Sent in the first message, so that it appears in no URL and no log. */
  token?: TokenSource | undefined;
  /** User to connect as, in development mode. */
  user?: string | undefined;
  /** Connect without credentials, where the server admits visitors (`policy.anonymous`). @default false */
  anonymous?: boolean | undefined;
  /**
   * The request itself carries the credentials: cookies of a browser, or what your `authenticate` reads. A URL with `token` or
   * `user_id` needs no further credentials. @default false
   */
  cookies?: boolean | undefined;
  /** Platform of this device. @default "web", set by the server */
  platform?: string | undefined;
  /** Name of this device, which its cursors are kept under. @default the platform, set by the server */
  device?: string | undefined;
  /** Positions to recover from: the `client.positions` that the application stored. @default those in `storage` */
  positions?: Positions | undefined;
  /**
   * Keeps the positions of this page, so that a reload misses nothing, also when another tab of the user acknowledges.
   * @default sessionStorage in browsers; false: none
   */
  storage?: PositionStorage | false | undefined;
  /** Acknowledge a stored message when its listeners have ended. @default true */
  autoAck?: boolean | undefined;
  /** Maximum number of requests and messages that wait for a connection. @default 100 */
  queueLimit?: number | undefined;
  /** Timeout of replies and receipts, in milliseconds. @default 10_000 // 10 s */
  timeoutMs?: number | undefined;
  /** Timeout of an attempt, from the token to the welcome, in milliseconds. @default 10_000 // 10 s */
  connectTimeoutMs?: number | undefined;
  /** Time for the promise of a listener, in milliseconds. Then the message counts as handled. @default 30_000 // 30 s */
  listenerTimeoutMs?: number | undefined;
  /** Delays between attempts, and their number. @default from 1 s, doubling, at most 30 s, with full jitter, without end */
  reconnect?: { readonly [Name in keyof ReconnectOptions]?: ReconnectOptions[Name] | undefined } | undefined;
  /** WebSocket class to connect with. @default the global one */
  WebSocket?: WebSocketConstructor | undefined;
}

/** The options with their defaults. */
export interface ClientOptions extends ConnectOptions {
  readonly url: string;
  readonly autoAck: boolean;
  readonly queueLimit: number;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly listenerTimeoutMs: number;
  readonly reconnect: ReconnectOptions;
  readonly WebSocket: WebSocketConstructor;
}

/** Options by what `typeof` says of a good value. Numbers are 1 or more, and texts are not empty. */
const BY_TYPE: Readonly<Record<string, string>> = {
  string: "token user platform device",
  function: "token WebSocket",
  boolean: "anonymous cookies autoAck storage",
  object: "positions storage reconnect",
  number: "queueLimit timeoutMs connectTimeoutMs listenerTimeoutMs minMs maxMs maxAttempts",
};

/** @throws TidingsError `bad_request` for a URL or an option that is not valid, and without credentials */
export function resolveOptions(url: string | URL, options: ConnectOptions): ClientOptions {
  const resolved = {
    autoAck: true,
    queueLimit: 100,
    timeoutMs: 10_000,
    connectTimeoutMs: 10_000,
    listenerTimeoutMs: 30_000,
    WebSocket: globalThis.WebSocket as WebSocketConstructor,
    ...checked(options),
    reconnect: {
      ...{ minMs: 1_000, maxMs: 30_000, maxAttempts: Number.POSITIVE_INFINITY },
      ...checked(options.reconnect ?? {}),
    },
    url: webSocketUrl(url),
  };
  const { token, user, anonymous, cookies } = resolved;
  if (!(resolved.WebSocket as unknown)) throw badRequest("no WebSocket class");
  if (!(token || user || anonymous || cookies || /[?&](token|user_id)=/.test(resolved.url))) {
    throw badRequest("no credentials: token, user, anonymous or cookies");
  }
  return resolved;
}

/** Checks options. @returns those that are not undefined */
function checked<Options extends object>(options: Options): DefinedOf<Options> {
  const defined = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of defined) {
    const types = Object.keys(BY_TYPE).filter((type) => BY_TYPE[type]?.split(" ").includes(name));
    // For a text, `value >= 1` is of no importance.
    const isGood = value && (typeof value !== "number" || value >= 1);
    if (types[0] && !(types.includes(typeof value) && (isGood || value === false))) {
      throw badRequest(`${name}: expected a ${types.join(" or ")}${types[0] === "number" ? " from 1" : ""}`);
    }
  }
  return Object.fromEntries(defined) as DefinedOf<Options>; // the same entries
}

type DefinedOf<Options> = { [Name in keyof Options]: Exclude<Options[Name], undefined> };

/**
 * Browsers may give a URL that is relative to the page, or with http. The class URL of React Native adds a slash to the
 * path, so the text of an absolute URL stays as it is. WebSockets refuse a fragment.
 */
function webSocketUrl(url: string | URL): string {
  const text = String(url).replace(/#.*/s, "");
  // Only browsers have a page address, and only some programs include its type.
  const { location } = globalThis as { location?: { href: string } };
  const absolute = location === undefined || /^\w+:/.test(text) ? text : new URL(text, location.href).href;
  if (/^(ws|http)s?:\/\/[^/?]/i.test(absolute)) return absolute.replace(/^http/i, "ws");
  throw badRequest("url: expected ws://, wss://, or a path in browsers");
}
