import { createHash } from "node:crypto";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { TidingsError } from "../../protocol/protocol.ts";
import type { Rate } from "../rate.ts";
import type { RateStore, Taken } from "./store.ts";

/** The part of a client library that the store uses. `Redis` and `Cluster` of ioredis have it. */
export interface RedisClient {
  evalsha(digest: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
}

/** A client that has not connected yet: `new Redis(options)` or `new Cluster(nodes, options)` of ioredis with `lazyConnect: true`. */
export interface UnconnectedClient extends RedisClient {
  connect(): Promise<unknown>;
  disconnect(): void;
  on(event: "error", listener: (error: unknown) => void): unknown;
}

export interface RedisStoreOptions {
  /** `redis://[user:password@]host[:port][/db]`, `rediss://…` over TLS; or a list of nodes of a Redis Cluster. */
  readonly url?: string | readonly string[] | undefined;
  /**
   * A client of the application instead, which the store does not close. Or a function that makes one, for Sentinel and other options: the store
   * connects and closes it.
   */
  readonly client?: RedisClient | (() => UnconnectedClient) | undefined;
  /** Begin of all keys, without braces and spaces. @default "rl:" */
  readonly prefix?: string | undefined;
}

const lua = String.raw;

/**
 * One window is one key, which Redis removes at its end: the clock of Redis decides for all processes. `PTTL` is negative without a key or an
 * end, and 0 in the last moment.
 */
const SCRIPT = lua`
-- KEYS[1]  count of a window
-- ARGV[1]  requests that the window allows
-- ARGV[2]  length of the window in ms
-- reply    1 if allowed, else 0; count; ms until the end
local count = tonumber(redis.call("GET", KEYS[1]) or "0") or 0
local left = redis.call("PTTL", KEYS[1])
if left <= 0 then
  redis.call("SET", KEYS[1], 1, "PX", ARGV[2])
  return { 1, 1, tonumber(ARGV[2]) }
end
if count >= tonumber(ARGV[1]) then return { 0, count, left } end
return { 1, redis.call("INCR", KEYS[1]), left }
`;

const DIGEST = createHash("sha1").update(SCRIPT).digest("hex");

const PREFIX = /^[^\s{}\p{Cc}]{1,256}$/u;
const URL_FORM = /^rediss?:\/\/[^\s]+$/i;

/**
 * Makes a store that counts in Redis (6.2 or later, Redis Cluster, Valkey), for all processes together. A request costs one command on one key.
 * @throws TidingsError `bad_request` for wrong options; the error shows no URL, because it may hold a password
 */
export function redisStore({ url, client, prefix = "rl:" }: RedisStoreOptions): RateStore {
  if (!PREFIX.test(prefix)) throw bad("prefix: expected 1–256 characters, none of them a space or a brace");
  if ((url === undefined) === (client === undefined)) throw bad("expected either url or client");
  if (typeof client === "object") return new RedisCounts(client, prefix);
  const own = new OwnClient(client?.() ?? clientOf(url ?? []));
  return new RedisCounts(own, prefix, () => own.close());
}

const bad = (problem: string): TidingsError => new TidingsError("bad_request", `redisStore: ${problem}`);

class RedisCounts implements RateStore {
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly close: () => void;

  constructor(client: RedisClient, prefix: string, close: () => void = () => undefined) {
    this.#client = client;
    this.#prefix = prefix;
    this.close = close;
  }

  async take(key: string, { limit, windowMs }: Rate): Promise<Taken> {
    // Braces choose the slot of a key in Redis Cluster. Empty ones in front keep clients from choosing it by their names.
    const name = `${this.#prefix}${key.includes("{") ? "{}" : ""}${key}`;
    const [allowed, count, resetMs] = replyOf(await this.#run(name, limit, windowMs));
    return { allowed: allowed === 1, count: Number(count), resetMs: Number(resetMs) };
  }

  async #run(key: string, limit: number, windowMs: number): Promise<unknown> {
    try {
      return await this.#client.evalsha(DIGEST, 1, key, limit, windowMs);
    } catch (error) {
      // A Redis that has restarted does not know the script.
      if (!String(error).includes("NOSCRIPT")) throw error;
      return this.#client.eval(SCRIPT, 1, key, limit, windowMs);
    }
  }
}

/** A reply of another shape fails the store's check of numbers. */
const replyOf = (reply: unknown): readonly unknown[] => (Array.isArray(reply) ? reply : []);

/** A client that the store connects and closes. */
class OwnClient implements RedisClient {
  readonly #client: UnconnectedClient;
  /** The first connection, for which the first commands wait. */
  #opening: Promise<void> | undefined;

  constructor(client: UnconnectedClient) {
    this.#client = client;
    client.on("error", () => undefined); // the commands fail, and that is told
    this.#opening = client.connect().then(undefined, () => undefined);
    void this.#opening.then(() => {
      this.#opening = undefined;
    });
  }

  async evalsha(...args: Parameters<RedisClient["evalsha"]>): Promise<unknown> {
    if (this.#opening !== undefined) await this.#opening;
    return this.#client.evalsha(...args);
  }

  eval(...args: Parameters<RedisClient["eval"]>): Promise<unknown> {
    return this.#client.eval(...args);
  }

  close(): void {
    this.#client.disconnect();
  }
}

/** Makes a client for URLs. It reconnects by itself; commands without a connection fail at once. */
function clientOf(url: string | readonly string[]): UnconnectedClient {
  const urls = typeof url === "string" ? [url] : [...url];
  if (urls.length === 0 || !urls.every((text) => URL_FORM.test(text))) {
    throw bad(
      "url: expected redis://host:port/db or rediss://…, or a list of them for the nodes of a Redis Cluster",
    );
  }
  return typeof url === "string" ? new Redis(url, OPTIONS) : clusterOf(urls);
}

const RETRY_MS = 1_000;

const OPTIONS: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (attempt) => Math.min(attempt * 100, RETRY_MS),
  reconnectOnError: ({ message }) => message.includes("READONLY"),
};

/** The first URL has the credentials of all nodes. */
function clusterOf(urls: readonly string[]): Cluster {
  const { username, password, protocol } = new URL(urls[0] ?? "");
  const { lazyConnect: _, retryStrategy, ...redisOptions } = OPTIONS;
  const credentials = {
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === "rediss:" ? { tls: {} } : {}),
  };
  return new Cluster([...urls], {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: (attempt) => Math.min(attempt * 100, RETRY_MS),
    redisOptions: { ...redisOptions, ...credentials },
  });
}
