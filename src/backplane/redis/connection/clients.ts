import { Cluster, type RedisOptions as ConnectionOptions, Redis } from "ioredis";
import { backoff, TidingsError } from "../../../protocol/protocol.ts";
import { kindOf } from "./failures.ts";
import { slotOf } from "./ioredis.ts";

/** Credentials and certificates that have no place in a URL. */
export interface Credentials {
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** Certificates that are trusted, in PEM. */
  readonly ca?: string | undefined;
  /** Certificate of this node and its private key, in PEM. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

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
  readonly credentials: Credentials;
}

/** User and password end at the last `@`. */
const URL_FORM =
  /^redis(?<tls>s?)(?:-(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^:/?#]*?)(?::(?<password>[^/?#]*))?@)?(?<hosts>[^/?#@]+)(?:\/(?<db>\d*))?(?:#(?<master>.+))?$/i;
const DEFAULT_PORT = { standalone: 6_379, sentinel: 26_379, cluster: 6_379 };
const RETRY = { minMs: 100, maxMs: 2_000 };
const SLOTS_REFRESH_MS = 5_000;

/**
 * Reads `redis://[user:password@]host[:port][/db]`, `redis-sentinel://host:port,host:port[/db]#master` and
 * `redis-cluster://host:port,host:port`; `rediss…` is the same over TLS.
 * @throws TidingsError `bad_request` for anything else
 */
export function addressOf(url: string, credentials: Credentials = {}): Address {
  const parts = URL_FORM.exec(url)?.groups;
  if (parts === undefined) throw new TidingsError("bad_request", EXPECTED);
  const named = parts.kind?.toLowerCase();
  const kind = named === "sentinel" || named === "cluster" ? named : "standalone";
  const hosts = (parts.hosts ?? "").split(",").map((text) => hostOf(text, DEFAULT_PORT[kind]));
  if (kind === "standalone" && hosts.length > 1) throw new TidingsError("bad_request", EXPECTED);
  // Behind a "#" stands a master's name, or else the rest of a password in which it was not encoded.
  const isRest = parts.master !== undefined && (kind !== "sentinel" || parts.master.includes("@"));
  if (isRest) throw new TidingsError("bad_request", EXPECTED);
  const tls = parts.tls !== "";
  assertFits(kind, tls, credentials);
  return {
    kind,
    hosts,
    tls,
    username: decoded(parts.user),
    password: decoded(parts.password),
    db: Number(parts.db ?? 0),
    master: parts.master ?? "mymaster",
    credentials,
  };
}

const EXPECTED =
  "redis: expected redis://host:port/db, redis-sentinel://host:port,host:port/db#master or redis-cluster://host:port,host:port";

/** A certificate that no connection would use, or half a pair, is a mistake that would go unnoticed. */
function assertFits(kind: Address["kind"], tls: boolean, credentials: Credentials): void {
  const { sentinelUsername, sentinelPassword, ca, cert, key } = credentials;
  const problem = (text: string): TidingsError => new TidingsError("bad_request", text);
  if (!tls && (ca ?? cert ?? key) !== undefined) {
    throw problem(
      "redis: cluster.redisCa, cluster.redisCert and cluster.redisKey (REDIS_CA, REDIS_CERT, REDIS_KEY) need a URL that begins with rediss",
    );
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw problem(
      "redis: a client certificate needs both cluster.redisCert (REDIS_CERT) and cluster.redisKey (REDIS_KEY)",
    );
  }
  if (kind !== "sentinel" && (sentinelUsername ?? sentinelPassword) !== undefined) {
    throw problem("redis: the password of Sentinels needs a URL that begins with redis-sentinel");
  }
}

function hostOf(text: string, defaultPort: number): { host: string; port: number } {
  const { host, port } = /^\[?(?<host>.+?)\]?(?::(?<port>\d+))?$/.exec(text)?.groups ?? {};
  return { host: host ?? text, port: Number(port ?? defaultPort) };
}

/** Decodes `%40` and the like. A `%` that begins no such code stands for itself: passwords have it. */
function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, "%25"));
  } catch {
    return text; // codes that are not UTF-8
  }
}

const PLACES = {
  standalone: "Redis at",
  sentinel: "the Redis behind the Sentinels",
  cluster: "the Redis Cluster",
};

/** Names a Redis in messages for the operator, without credentials. */
export const placeOf = ({ kind, hosts, db }: Address): string =>
  `${PLACES[kind]} ${hosts.map(({ host, port }) => `${host}:${port}`).join(", ")}${db > 0 ? `, database ${db}` : ""}`;

/**
 * Makes the client for commands. It reconnects by itself; commands that were in flight fail, and are not sent again.
 * @param onFailure is called with failures that the client does not report as an event
 */
export function commandsClient(
  address: Address,
  commandTimeoutMs: number,
  onFailure: (error: unknown) => void,
): Redis | Cluster {
  // A connection that is silent for longer than any slow Redis counts as dead.
  const timeouts = { commandTimeout: commandTimeoutMs, socketTimeout: 2 * commandTimeoutMs };
  const options = { ...optionsOf(address), ...timeouts };
  if (address.kind !== "cluster")
    return new Redis({ ...options, lazyConnect: true, retryStrategy: retryDelay });
  return new Cluster([...address.hosts], {
    redisOptions: options,
    enableOfflineQueue: false,
    lazyConnect: true,
    // An unknown host is reported here only.
    clusterRetryStrategy(attempt, reason) {
      if (reason !== undefined) onFailure(reason);
      return retryDelay(attempt);
    },
    // Certificates name hosts, which ioredis would replace by their addresses.
    ...(address.tls ? { dnsLookup: (host, callback) => callback(null, host) } : {}),
    // A node that is idle must learn too that a master was added or removed.
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    // ioredis would send commands in flight again after a reconnect, though Redis may have run them already.
    retryDelayOnFailover: 0,
  });
}

/**
 * Confirms the configured database, and resolves when all masters answer. The client library selects the database too,
 * but goes on in database 0 when Redis refuses that. PING would not do: a Redis that cannot save refuses it. On Redis
 * Cluster the client connects to each master on demand, and until it has connected it fails all commands to that master
 * but the first.
 */
export async function confirmMasters(client: Redis | Cluster, { db }: Address): Promise<void> {
  if (client instanceof Cluster) {
    await Promise.all(mastersOf(client).map((master) => master.time()));
    return;
  }
  if (db > 0) await client.select(db);
  await client.time();
}

/**
 * Connects a client of {@link singleClient}, and confirms the configured database.
 * @throws the first error: the promise of the client library would say only that the connection is closed
 */
export async function connectSingle(client: Redis): Promise<void> {
  let first: unknown;
  client.on("error", (error) => {
    first ??= error;
  });
  const db = client.options.db ?? 0;
  try {
    await client.connect();
    if (db > 0) await client.select(db);
  } catch (error) {
    throw first ?? error;
  }
}

/**
 * Finds the cause of a failure that a client reports. A client of Sentinels or of a Redis Cluster says only that all of
 * them have failed, so one of them is asked over a connection of its own.
 */
export async function causeOf(error: unknown, address: Address, commandTimeoutMs: number): Promise<unknown> {
  const [host] = address.hosts;
  if (address.kind === "standalone" || kindOf(error) !== "unreachable") return error;
  const { sentinelUsername: username, sentinelPassword: password } = address.credentials;
  const isSentinel = address.kind === "sentinel";
  const options = optionsOf({
    ...address,
    kind: "standalone",
    db: 0,
    ...(isSentinel ? { username, password } : {}),
  });
  const once = { ...host, commandTimeout: commandTimeoutMs, lazyConnect: true, retryStrategy: () => null };
  const client = new Redis({ ...options, ...once });
  try {
    await connectSingle(client);
    const known = await (isSentinel
      ? client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", address.master)
      : client.cluster("SLOTS"));
    return known === null ? new Error(`the Sentinels know no master named ${address.master}`) : error;
  } catch (cause) {
    return cause;
  } finally {
    client.disconnect();
  }
}

/** Reads what each master tells about itself and its settings. */
export const readInfo = (client: Redis | Cluster): Promise<string[]> =>
  Promise.all(mastersOf(client).map((master) => master.info()));

/** Waits until a replica of each master that has any acknowledges what this client has written, for a time at most. */
export async function awaitReplicas(client: Redis | Cluster, limitMs: number): Promise<void> {
  await Promise.all(
    mastersOf(client).map(async (master) => {
      const [, replicas] = /connected_slaves:(\d+)/.exec(await master.info("replication")) ?? [];
      if (Number(replicas) > 0) await master.wait(1, limitMs);
    }),
  );
}

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

function optionsOf(address: Address): ConnectionOptions {
  const { kind, hosts, tls, username, password, db, master, credentials } = address;
  const { ca, cert, key, sentinelUsername, sentinelPassword } = credentials;
  const certificates = { ca, cert, key };
  const common: ConnectionOptions = {
    username,
    password,
    // Every supported server speaks RESP 2, and the code reads no other replies.
    protocol: 2,
    disableClientInfo: true,
    // The ready check takes INFO, which needs a right and names the user on the console. Recovery checks more.
    enableReadyCheck: false,
    // ioredis would queue commands during an outage, and send them after their callers have given up.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // Commands in flight fail when the connection ends. Otherwise they would time out later, and that would look like
    // another outage.
    maxRetriesPerRequest: 0,
    // The master has become a replica: reconnecting finds the new master.
    reconnectOnError: ({ message }) => message.includes("READONLY"),
    ...(tls ? { tls: certificates } : {}),
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
    ...(tls ? { sentinelTLS: certificates } : {}),
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
  };
}

/** @param attempt counted from 1, as ioredis does */
const retryDelay = (attempt: number): number => backoff(attempt - 1, RETRY);
