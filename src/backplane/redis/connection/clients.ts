import { Cluster, type RedisOptions as ConnectionOptions, Redis } from "ioredis";
import { backoff, TidingsError } from "../../../protocol/protocol.ts";

/** How to reach Redis. */
export interface Address {
  readonly kind: "standalone" | "sentinel" | "cluster";
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** The name under which the sentinels know the master. */
  readonly master: string;
}

const URL_FORM =
  /^redis(?<tls>s?)(?:-(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/?#@]+)(?:\/(?<db>\d*))?(?:#(?<master>.+))?$/;
const DEFAULT_PORT = { standalone: 6_379, sentinel: 26_379, cluster: 6_379 };
const RETRY = { firstMs: 100, capMs: 2_000 };

/**
 * Reads `redis://[user:password@]host[:port][/db]`, `redis-sentinel://host:port,host:port[/db]#master` and
 * `redis-cluster://host:port,host:port`; `rediss…` is the same over TLS.
 * @throws TidingsError `bad_request` for anything else
 */
export function addressOf(url: string): Address {
  const parts = URL_FORM.exec(url)?.groups;
  if (parts === undefined) throw new TidingsError("bad_request", EXPECTED);
  const kind = parts.kind === "sentinel" || parts.kind === "cluster" ? parts.kind : "standalone";
  const hosts = (parts.hosts ?? "").split(",").map((text) => hostOf(text, DEFAULT_PORT[kind]));
  if (kind === "standalone" && hosts.length > 1) throw new TidingsError("bad_request", EXPECTED);
  return {
    kind,
    hosts,
    tls: parts.tls === "s",
    username: decoded(parts.user),
    password: decoded(parts.password),
    db: Number(parts.db ?? 0),
    master: parts.master ?? "mymaster",
  };
}

const EXPECTED =
  "redis: expected redis://host:port/db, redis-sentinel://host:port,host:port/db#master or redis-cluster://host:port,host:port";

function hostOf(text: string, defaultPort: number): { host: string; port: number } {
  const { host, port } = /^\[?(?<host>.+?)\]?(?::(?<port>\d+))?$/.exec(text)?.groups ?? {};
  return { host: host ?? text, port: Number(port ?? defaultPort) };
}

const decoded = (text: string | undefined): string | undefined =>
  text === undefined || text === "" ? undefined : decodeURIComponent(text);

/** The connection that commands go over. It connects again by itself; what was under way is not sent again. */
export function commandsClient(address: Address, commandTimeoutMs: number): Redis | Cluster {
  // One that says nothing for longer than a slow Redis would is dead.
  const timeouts = { commandTimeout: commandTimeoutMs, socketTimeout: 2 * commandTimeoutMs };
  const options = { ...optionsOf(address), ...timeouts };
  if (address.kind !== "cluster")
    return new Redis({ ...options, lazyConnect: true, retryStrategy: retryDelay });
  return new Cluster([...address.hosts], {
    redisOptions: options,
    enableOfflineQueue: false,
    lazyConnect: true,
    clusterRetryStrategy: retryDelay,
    // By default what was under way is sent again when its connection has ended, though it may have been run.
    retryDelayOnFailover: 0,
  });
}

/** Resolves when Redis answers; on a Redis Cluster all masters, for until a connection is there it fails all that it is asked but the first. */
export async function pingMasters(commands: Redis | Cluster): Promise<void> {
  const masters = commands instanceof Cluster ? commands.nodes("master") : [commands];
  await Promise.all(masters.map((master) => master.ping()));
}

/** A connection beside the one for commands, which ends when it breaks. On a cluster it leads to any master: Pub/Sub reaches all of them. */
export function singleClient(address: Address, commands: Redis | Cluster, commandTimeoutMs: number): Redis {
  const options = { ...optionsOf(address), commandTimeout: commandTimeoutMs };
  const once = { lazyConnect: true, retryStrategy: () => null };
  if (!(commands instanceof Cluster)) return new Redis({ ...options, ...once });
  const nodes = commands.nodes("master");
  const chosen = nodes[Math.floor(Math.random() * nodes.length)];
  if (chosen === undefined) throw new TidingsError("unavailable", "no node of the Redis Cluster is known");
  const { host, port } = chosen.options;
  return new Redis({ ...options, ...once, host, port });
}

function optionsOf({ kind, hosts, tls, username, password, db, master }: Address): ConnectionOptions {
  const common: ConnectionOptions = {
    username,
    password,
    // The shapes of RESP 2 are all that is used, and every supported server speaks it.
    protocol: 2,
    disableClientInfo: true,
    // What is sent after an outage is decided here, not by a queue.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // What is under way fails when the connection ends. Else it would wait for its time to run out, and that would look like another outage.
    maxRetriesPerRequest: 0,
    // A master that became a replica: ask again who is the master.
    reconnectOnError: ({ message }) => message.includes("READONLY"),
    ...(tls ? { tls: {} } : {}),
  };
  if (kind === "cluster") return common;
  if (kind === "standalone") return { ...common, ...hosts[0], db };
  return {
    ...common,
    db,
    sentinels: [...hosts],
    name: master,
    failoverDetector: true,
    sentinelRetryStrategy: retryDelay,
    enableTLSForSentinelMode: tls,
  };
}

/** @param attempt counted from 1, as the client library does */
const retryDelay = (attempt: number): number => backoff(attempt - 1, RETRY);
