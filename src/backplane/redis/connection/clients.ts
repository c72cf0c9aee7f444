import { Cluster, type RedisOptions as ConnectionOptions, Redis } from "ioredis";
import { backoff, TidingsError } from "../../../protocol/protocol.ts";
import { slotOf } from "./ioredis.ts";

/** The address of a Redis, read from its URL. */
export interface Address {
  readonly kind: "standalone" | "sentinel" | "cluster";
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** Name of the master in the configuration of the sentinels. */
  readonly master: string;
}

const URL_FORM =
  /^redis(?<tls>s?)(?:-(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/?#@]+)(?:\/(?<db>\d*))?(?:#(?<master>.+))?$/;
const DEFAULT_PORT = { standalone: 6_379, sentinel: 26_379, cluster: 6_379 };
const RETRY = { firstMs: 100, capMs: 2_000 };
const SLOTS_REFRESH_MS = 5_000;

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

/**
 * Makes the client for commands. It reconnects by itself; commands that were in flight fail, and are not sent again.
 */
export function commandsClient(address: Address, commandTimeoutMs: number): Redis | Cluster {
  // A connection that is silent for longer than any slow Redis counts as dead.
  const timeouts = { commandTimeout: commandTimeoutMs, socketTimeout: 2 * commandTimeoutMs };
  const options = { ...optionsOf(address), ...timeouts };
  if (address.kind !== "cluster")
    return new Redis({ ...options, lazyConnect: true, retryStrategy: retryDelay });
  return new Cluster([...address.hosts], {
    redisOptions: options,
    enableOfflineQueue: false,
    lazyConnect: true,
    clusterRetryStrategy: retryDelay,
    // A node that is idle must learn too that a master was added or removed.
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    // ioredis would send commands in flight again after a reconnect, though Redis may have run them already.
    retryDelayOnFailover: 0,
  });
}

/**
 * Resolves when all masters answer. On Redis Cluster the client connects to each master on demand, and until it has
 * connected it fails all commands to that master but the first.
 */
export async function pingMasters(client: Redis | Cluster): Promise<void> {
  await Promise.all(mastersOf(client).map((master) => master.ping()));
}

/** Reads what each master tells about itself and its settings. */
export const readInfo = (client: Redis | Cluster): Promise<string[]> =>
  Promise.all(mastersOf(client).map((master) => master.info()));

const mastersOf = (client: Redis | Cluster): readonly Redis[] =>
  client instanceof Cluster ? client.nodes("master") : [client];

/**
 * Tells whether a key's slot is moving to another master: either of the two lists it as open. A replica that was elected
 * meanwhile does not know of the move, the master that imports the slot still does.
 */
export async function isMoving(client: Redis | Cluster, key: string): Promise<boolean> {
  if (!(client instanceof Cluster)) return false;
  const slot = slotOf(key);
  const masters = client.nodes("master");
  const views = await Promise.all(masters.map((master) => master.cluster("NODES")));
  return views.some((view) => String(view).includes(`[${slot}-`));
}

/**
 * Makes a client that does not reconnect by itself. On Redis Cluster it connects to any master: Pub/Sub reaches all of
 * them.
 * @param commands the client for commands, which knows the masters
 */
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
    // Every supported server speaks RESP 2, and the code reads no other replies.
    protocol: 2,
    disableClientInfo: true,
    // ioredis would queue commands during an outage, and send them after their callers have given up.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // Commands in flight fail when the connection ends. Otherwise they would time out later, and that would look like
    // another outage.
    maxRetriesPerRequest: 0,
    // The master has become a replica: reconnecting finds the new master.
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

/** @param attempt counted from 1, as ioredis does */
const retryDelay = (attempt: number): number => backoff(attempt - 1, RETRY);
