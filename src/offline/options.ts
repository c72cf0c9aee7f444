import { type BackoffOptions, type ConnectOptions, TidingsError } from "../client/client.ts";
import type { LockManager, Platform } from "./browser.ts";
import { VERSION } from "./bus.ts";
import type { OutboxLimits } from "./store.ts";

/** A SharedWorker, as browsers make it. */
export interface SharedWorkerLike {
  readonly port: { postMessage(message: unknown): void };
  addEventListener(type: "error", listener: () => void): void;
}

/** Options of {@link connectOffline}: those of `connect`, but for what the tabs share. */
export interface OfflineOptions
  extends Omit<
    ConnectOptions,
    "user" | "anonymous" | "positions" | "storage" | "queueLimit" | "reconnect" | "WebSocket"
  > {
  /**
   * Id of the user. Tabs of another user share nothing with these, and a login as another user ends the session. In
   * development mode, without `token` and `cookies`, it is the user to connect as.
   */
  readonly user: string;
  /** Makes the SharedWorker whose script calls {@link serveTabs}. @default none: one of the tabs has the connection */
  readonly worker?: (() => SharedWorkerLike) | undefined;
  /** Limits of the outbox. @default 500 messages, and 5,000,000 characters of JSON */
  readonly outboxLimits?: Partial<OutboxLimits> | undefined;
  /**
   * Age of a message since its first attempt, in milliseconds, after which it fails in place of being sent again. Less than the server's
   * `publish.idempotencyWindowMs`, or a message may be stored twice. @default 240_000 // 4 min
   */
  readonly repeatWithinMs?: number | undefined;
  /** Delays between attempts to connect. @default from 1 s, doubling, at most 30 s, with full jitter, without end */
  readonly reconnect?: Partial<BackoffOptions> | undefined;
}

const OUTBOX_LIMITS: OutboxLimits = { messages: 500, bytes: 5_000_000 };
const REPEAT_WITHIN_MS = 4 * 60_000;

/** What a host needs to know of a group of tabs. It can be passed to a worker. */
export interface GroupOptions {
  /** Name of the group's channels and locks. */
  readonly group: string;
  readonly database: string;
  readonly url: string;
  readonly user: string;
  readonly client: ConnectOptions;
  /** The tabs have a function for tokens. */
  readonly asksTabs: boolean;
  readonly repeatWithinMs: number;
}

/** @throws TidingsError `bad_request` without a user */
export function groupOptions(url: string | URL, options: OfflineOptions, platform: Platform): GroupOptions {
  const { user, token, cookies, platform: kind, device, timeoutMs, connectTimeoutMs, reconnect } = options;
  if (typeof user !== "string" || !user) throw new TidingsError("bad_request", "user: expected an id");
  const { location } = platform;
  // A worker has another address than its pages.
  const absolute = location ? new URL(String(url), location.href).href : String(url);
  const isDevelopment = !token && !cookies && !/[?&](token|user_id)=/.test(absolute);
  // The query may be a secret.
  const name = JSON.stringify([absolute.split(/[?#]/)[0], user, device]);
  return {
    group: `tidings ${VERSION} ${name}`,
    database: `tidings ${name}`,
    url: absolute,
    user,
    client: {
      ...(typeof token === "string" && { token }),
      ...(isDevelopment && { user }),
      ...{ cookies, platform: kind, device, timeoutMs, connectTimeoutMs, reconnect },
    },
    asksTabs: typeof token === "function",
    repeatWithinMs: options.repeatWithinMs ?? REPEAT_WITHIN_MS,
  };
}

/** @throws TidingsError `bad_request` for a limit that is no number above 0 */
export function outboxLimits({ outboxLimits: given }: OfflineOptions): OutboxLimits {
  const limits = { ...OUTBOX_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (!(value >= 1))
      throw new TidingsError("bad_request", `outboxLimits.${name}: expected a number from 1`);
  }
  return limits;
}

/** Options of the tab's own client, whose server is the host. */
export function tabOptions({ user, autoAck, timeoutMs, listenerTimeoutMs }: OfflineOptions): ConnectOptions {
  return {
    ...{ user, autoAck, timeoutMs, listenerTimeoutMs },
    // The host is there, and waits for the network itself.
    connectTimeoutMs: Number.MAX_SAFE_INTEGER,
    reconnect: { minMs: 250, maxMs: 2_000 },
  };
}

/** The locks of a page whose tabs may share something. Pages without TLS have none. */
export const pageLocks = ({ document, navigator, BroadcastChannel }: Platform): LockManager | undefined =>
  document && BroadcastChannel ? navigator?.locks : undefined;

export type { OutboxLimits };
