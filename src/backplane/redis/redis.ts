import { TidingsError } from "../../protocol/protocol.ts";
import { LocalNode } from "../local-node.ts";
import { type Backplane, type BackplaneSink, Health, type NodeInfo } from "../port.ts";
import { RedisBroker } from "./broker.ts";
import { Bus, TrafficCounts } from "./bus/bus.ts";
import { type Address, addressOf, Connection, type Reconcile } from "./connection/connection.ts";
import { CURSOR_SCRIPTS } from "./history/cursor-scripts.ts";
import { RedisCursors } from "./history/cursors.ts";
import { Histories, type HistoryLimits } from "./history/histories.ts";
import { Retention } from "./history/retention.ts";
import { HISTORY_SCRIPTS } from "./history/scripts.ts";
import { NodeCommands } from "./nodes/node-commands.ts";
import { Registry } from "./nodes/registry.ts";
import { REGISTRY_SCRIPTS } from "./nodes/scripts.ts";
import {
  MEMBERSHIP_SCRIPTS,
  PRESENCE_SCRIPTS,
  RedisMemberships,
  RedisPresence,
} from "./presence/presence.ts";
import { Directory, LOOK_UP } from "./routing/directory.ts";
import { CONFIRM_INVALIDATION, Invalidation } from "./routing/invalidation.ts";
import { Relay } from "./routing/relay.ts";
import { APPEND, AppendQueue, AppendTargets, PUSH } from "./stored/append/append.ts";
import { IdempotencyKeys } from "./stored/idempotency.ts";
import { IDEMPOTENCY_SCRIPTS } from "./stored/idempotency-scripts.ts";
import { Receiver } from "./stored/receiver.ts";

export interface RedisOptions {
  /**
   * `redis://[user:password@]host[:port][/db]`, `redis-sentinel://host:port,host:port[/db]#master` or
   * `redis-cluster://host:port,host:port`; `rediss…` is the same over TLS.
   */
  readonly url: string;
  /**
   * Prefix of all keys and Pub/Sub channels. Clusters that share a Redis need different prefixes. @default "tidings:"
   */
  readonly prefix?: string;
  /** Retention per channel. */
  readonly history: HistoryLimits;
  /** How long an idempotency key is remembered, in milliseconds. @default 300_000 // 5 min */
  readonly idempotencyWindowMs?: number;
  /** Grace period of a user without connections before `offline`, in milliseconds. @default 5_000 // 5 s */
  readonly graceMs?: number;
  /**
   * Grace period of users whose node drains, in milliseconds. It should be longer by the time over which the node
   * spreads their reconnects, so that nobody appears offline during a restart. @default graceMs
   */
  readonly drainGraceMs?: number;
  /** Pause between the heartbeats of a node, in milliseconds. @default 10_000 // 10 s */
  readonly heartbeatMs?: number;
  /** How long a node may be silent before the others declare it dead, in milliseconds. @default 60_000 // 60 s */
  readonly timeoutMs?: number;
  /** A command that takes longer fails with `unavailable`, in milliseconds. @default 2_000 // 2 s */
  readonly commandTimeoutMs?: number;
  /**
   * From how many stored messages of a tick on they are appended by a transaction with one command each, instead of by
   * a script. The script has less delay; the transaction costs Redis half as much. Not on Redis Cluster. @default 32
   */
  readonly pushFrom?: number;
  /** Milliseconds since 1970: the clock of history's age and of the idempotency window. @default Date.now */
  readonly now?: () => number;
}

/**
 * Lifetime of an append target, as a fraction of the retained age: a look-up also renews the lifetime of the cursors.
 */
const TARGET_LIFETIME_OF_AGE = 1 / 16;

interface Settings extends Required<Omit<RedisOptions, "url">> {
  readonly address: Address;
}

const DEFAULTS = {
  prefix: "tidings:",
  idempotencyWindowMs: 300_000,
  graceMs: 5_000,
  heartbeatMs: 10_000,
  timeoutMs: 60_000,
  commandTimeoutMs: 2_000,
  pushFrom: 32,
  now: Date.now,
};

/**
 * The backplane of any number of nodes, on Redis 6.2 or later or Valkey: standalone, Sentinel or Cluster. It starts
 * once, and not again after `stop`. While Redis is unavailable it fails with `unavailable`; after the outage it
 * reconciles the node with Redis before it counts as up.
 * @throws TidingsError `bad_request` for a URL of another form
 */
export function redisBackplane({ url, ...options }: RedisOptions): Backplane {
  const graceMs = options.graceMs ?? DEFAULTS.graceMs;
  const given = { drainGraceMs: graceMs, ...defined(options), history: options.history };
  const settings = { ...DEFAULTS, ...given, address: addressOf(url) };
  const base = createBase(settings);
  const { connection, bus, node, traffic, health } = base;
  // Delivery and presence need each other: a message is delivered if its channel has local members, and after the last
  // of them has left, the receiver forgets the channel. So delivery gets presence as a function, which is first called
  // after the start.
  const messages = createMessages(base, settings, () => presence);
  const { receiver, directory, histories, idempotency, retention } = messages;
  const { presence, registry, cluster } = createPresence(base, settings, receiver);
  return {
    name: "redis",
    traffic,
    health,
    broker: new RedisBroker({ ...messages, connection }),
    idempotency,
    routes: presence,
    cursors: new RedisCursors(connection, bus, node, histories),
    memberships: new RedisMemberships(connection.run),
    presence,
    cluster,
    async start(info: NodeInfo, sink: BackplaneSink) {
      node.start(info, sink);
      bus.start();
      await connection.start(reconciler({ bus, registry, presence, directory, receiver }));
    },
    async stop() {
      cluster.stop();
      registry.stop();
      presence.stop();
      directory.stop();
      retention.stop();
      try {
        await connection.stop(() => registry.leave());
      } finally {
        node.stop();
        bus.stop();
      }
    },
    probe: () => bus.probe(),
  };
}

/** The parts that all others are built on. */
interface Base {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly traffic: TrafficCounts;
  readonly health: Health;
}

function createBase(settings: Settings): Base {
  const traffic = new TrafficCounts([
    LOOK_UP,
    CONFIRM_INVALIDATION,
    PUSH,
    APPEND,
    ...HISTORY_SCRIPTS,
    ...CURSOR_SCRIPTS,
    ...IDEMPOTENCY_SCRIPTS,
    ...PRESENCE_SCRIPTS,
    ...REGISTRY_SCRIPTS,
    ...MEMBERSHIP_SCRIPTS,
  ]);
  const node = new LocalNode();
  const health = new Health();
  const connection = new Connection({
    ...settings,
    health,
    onRun: (script) => traffic.ran(script),
    onOutage: (error) => node.report("redis", error),
  });
  const bus = new Bus(connection, {
    ...settings,
    traffic,
    onError: (error) => node.report("inbound", error),
  });
  return { connection, bus, node, traffic, health };
}

function createMessages(base: Base, settings: Settings, members: () => RedisPresence) {
  const { connection, bus, node } = base;
  const { history, idempotencyWindowMs: windowMs, pushFrom, now, address, prefix } = settings;
  const histories = new Histories(connection, history, now);
  const idempotency = new IdempotencyKeys(connection.run, windowMs, now);
  const byPartition = address.kind === "cluster";
  const targets = new AppendTargets(connection, bus, prefix, history.ageMs * TARGET_LIFETIME_OF_AGE);
  const appends = new AppendQueue({
    ...base,
    histories,
    targets,
    idempotency,
    windowMs,
    prefix,
    pushFrom,
    byPartition,
    members,
  });
  const receiver = new Receiver({
    ...base,
    histories,
    hasMembers: (channel) => members().hasLocal(channel),
    onDelivered: (message, connections) => appends.completion.delivered(message, connections),
    onUndelivered: (channel) => appends.completion.undelivered(channel),
  });
  const directory = new Directory(connection.run, bus);
  const retention = new Retention(connection, node, histories, settings.heartbeatMs);
  const relay = new Relay(connection, bus, node, directory);
  return { histories, idempotency, appends, receiver, directory, retention, relay };
}

function createPresence(base: Base, settings: Settings, receiver: Receiver) {
  const { connection, bus, node } = base;
  const { graceMs, drainGraceMs, heartbeatMs, timeoutMs, commandTimeoutMs } = settings;
  const invalidation = new Invalidation(connection.run, bus, commandTimeoutMs);
  const presence = new RedisPresence({
    ...base,
    graceMs,
    drainGraceMs,
    heartbeatMs,
    onNoMembers: (channel) => receiver.forget(channel),
    confirmInvalidation: (channel) => invalidation.confirm(channel),
  });
  const registry = new Registry({
    ...base,
    heartbeatMs,
    timeoutMs,
    clear: (token) => presence.clear(token),
    onDeath: (name) => node.sink.report("cluster", silentNode(name)),
    onDuplicateId: (name) => node.sink.report("cluster", twoNodes(name)),
  });
  const cluster = new NodeCommands({ ...base, registry, presence, commandTimeoutMs });
  return { presence, registry, cluster };
}

const silentNode = (node: string): TidingsError =>
  new TidingsError("unavailable", `node ${node} has been silent for too long and is declared dead`);

const twoNodes = (node: string): TidingsError =>
  new TidingsError("conflict", `two nodes call themselves ${node}: give each a node.id of its own`);

interface Reconciled {
  readonly bus: Bus;
  readonly registry: Registry;
  readonly presence: RedisPresence;
  readonly directory: Directory;
  readonly receiver: Receiver;
}

/** Reconciles the node with Redis at the start, after each outage, and when another node has declared it dead. */
function reconciler({ bus, registry, presence, directory, receiver }: Reconciled): Reconcile {
  return async () => {
    await bus.open();
    await registry.register();
    await presence.reconcile();
    directory.clear();
    await receiver.catchUp();
  };
}

/** Options that were given as `undefined` take their defaults too. */
const defined = <Options extends object>(options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options; // a part of it
