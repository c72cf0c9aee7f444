import { TidingsError } from "../../protocol/protocol.ts";
import { LocalNode } from "../local-node.ts";
import { type Backplane, type BackplaneSink, createHealth, type Health, type NodeInfo } from "../port.ts";
import { RedisBroker } from "./broker.ts";
import { Bus, TELL, TrafficCounts } from "./bus/bus.ts";
import { RedisClock, TIME } from "./clock.ts";
import { createComparison } from "./comparing.ts";
import { COMPARE_SCHEDULE } from "./comparison/comparison.ts";
import {
  type Address,
  addressOf,
  CHECK_SCRIPTS,
  Connection,
  type Credentials,
  commandsClient,
  PARTITION_SCRIPTS,
  phraseOf,
} from "./connection/connection.ts";
import { CURSOR_SCRIPTS } from "./history/cursor-scripts.ts";
import { RedisCursors } from "./history/cursors.ts";
import { HISTORY_DEFAULTS, Histories, type HistoryLimits } from "./history/histories.ts";
import { RELIEF_SCRIPTS } from "./history/relief-scripts.ts";
import { Retention } from "./history/retention.ts";
import { HISTORY_SCRIPTS } from "./history/scripts.ts";
import { ADJUST, Adjustments } from "./nodes/adjustments.ts";
import { NodeCommands } from "./nodes/node-commands.ts";
import { Registry } from "./nodes/registry.ts";
import { REGISTRY_SCRIPTS } from "./nodes/scripts.ts";
import { READ_SETTINGS, SharedSettings } from "./nodes/settings.ts";
import {
  BLOCK_SCRIPTS,
  COMPARISON_SCRIPTS,
  IS_ONLINE,
  MEMBERSHIP_SCRIPTS,
  PRESENCE_SCRIPTS,
  RedisMemberships,
  RedisPresence,
} from "./presence/presence.ts";
import { COMPARE_ROUTES, Directory, LOOK_UP } from "./routing/directory.ts";
import { CONFIRM_INVALIDATION, Invalidation } from "./routing/invalidation.ts";
import { Relay } from "./routing/relay.ts";
import { Tallies } from "./routing/tallies.ts";
import { APPEND, AppendQueue, AppendTargets, EDIT, PUSH } from "./stored/append/append.ts";
import { IdempotencyKeys } from "./stored/idempotency.ts";
import { IDEMPOTENCY_SCRIPTS } from "./stored/idempotency-scripts.ts";
import { Receiver } from "./stored/receiver.ts";
import { EVERY_PARTITION } from "./wire/keys.ts";

export interface RedisOptions extends Credentials {
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
  /**
   * The node's own clock, in milliseconds since 1970. It is only compared with the clock of Redis, which decides.
   * @default Date.now
   */
  readonly now?: () => number;
}

/**
 * Lifetime of an append target, as a fraction of the retained age: a look-up also renews the lifetime of the cursors.
 */
const TARGET_LIFETIME_OF_AGE = 1 / 16;

/** A pause of a process that others may notice, as a fraction of the time for which they wait for its answer. */
const PAUSE_OF_TIMEOUT = 1 / 2;

interface Settings extends Required<Omit<RedisOptions, "url" | keyof Credentials>> {
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
  const settings = { ...DEFAULTS, ...given, address: addressOf(url, options) };
  const base = createBase(settings);
  const { connection, bus, node, traffic, health, clock, shared } = base;
  // Delivery and presence need each other: a message is delivered if its channel has local members, and after the last
  // of them has left, the receiver forgets the channel. So delivery gets presence as a function, which is first called
  // after the start.
  const messages = createMessages(base, settings, () => presence);
  const { receiver, directory, histories, idempotency, retention } = messages;
  const { presence, registry, adjustments, cluster } = createPresence(base, settings, receiver);
  const cursors = new RedisCursors(connection, bus, node, histories);
  const parts = { presence, registry, directory, receiver, cursors };
  const times = { heartbeatMs: settings.heartbeatMs, graceMs };
  const { compare, pending, comparison, missed } = createComparison({ ...base, ...parts, ...times });
  return {
    name: "redis",
    traffic,
    health,
    broker: new RedisBroker({ ...messages, connection, listening: presence.listening }),
    idempotency,
    routes: presence,
    cursors,
    memberships: new RedisMemberships(connection),
    presence,
    rooms: presence.rooms,
    cluster,
    now: clock.now,
    async start(info: NodeInfo, sink: BackplaneSink) {
      node.start(info, sink);
      bus.start();
      await connection.start(async () => {
        await bus.open();
        await clock.start();
        await registry.register();
        await shared.start();
        await adjustments.refresh();
        for (const partition of await compare(EVERY_PARTITION)) pending.add(partition);
        bus.announce();
      });
      comparison.start();
    },
    async stop() {
      comparison.stop();
      missed.stop();
      cluster.stop();
      messages.tallies.stop();
      registry.stop();
      presence.stop();
      directory.stop();
      retention.stop();
      pending.stop();
      clock.stop();
      try {
        await connection.stop(() => registry.leave());
      } finally {
        node.stop();
        bus.stop();
      }
    },
    async probe() {
      await bus.probe();
      const { refusal } = connection;
      // A full Redis still lets clients in.
      if (refusal !== undefined && refusal !== "full")
        throw new TidingsError("unavailable", phraseOf(refusal));
    },
  };
}

/**
 * Makes a client for what a node keeps in Redis beside the backplane. It has not connected yet; then it reconnects by itself, and commands without a
 * connection fail at once.
 * @throws TidingsError `bad_request` for a URL of another form
 */
export const redisClient = ({ url, ...credentials }: Pick<RedisOptions, "url" | keyof Credentials>) =>
  commandsClient(addressOf(url, credentials), DEFAULTS.commandTimeoutMs, () => undefined);

/** The parts that all others are built on. */
interface Base {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly traffic: TrafficCounts;
  readonly health: Health;
  readonly clock: RedisClock;
  /** The settings of all nodes. */
  readonly shared: SharedSettings;
}

function createBase(settings: Settings): Base {
  const traffic = new TrafficCounts([
    LOOK_UP,
    CONFIRM_INVALIDATION,
    TELL,
    ...CHECK_SCRIPTS,
    PUSH,
    APPEND,
    EDIT,
    ...PARTITION_SCRIPTS,
    READ_SETTINGS,
    ADJUST,
    TIME,
    ...HISTORY_SCRIPTS,
    ...RELIEF_SCRIPTS,
    ...CURSOR_SCRIPTS,
    ...IDEMPOTENCY_SCRIPTS,
    ...PRESENCE_SCRIPTS,
    IS_ONLINE,
    ...BLOCK_SCRIPTS,
    ...REGISTRY_SCRIPTS,
    ...MEMBERSHIP_SCRIPTS,
    ...COMPARISON_SCRIPTS,
    COMPARE_ROUTES,
    COMPARE_SCHEDULE,
  ]);
  const node = new LocalNode();
  const health = createHealth();
  const connection = new Connection({
    ...settings,
    health,
    onRun: (script) => traffic.ran(script),
    onAnswer: (kind, ms) => traffic.answered(kind, ms),
    onOutage: (error) => node.report("redis", error),
  });
  const bus = new Bus(connection, {
    ...settings,
    traffic,
    isCluster: settings.address.kind === "cluster",
    onError: (error) => node.report("inbound", error),
  });
  const { now, heartbeatMs: everyMs, history } = settings;
  const clock = new RedisClock({ connection, now, everyMs, health });
  const own = {
    historyCount: history.count,
    historyAgeMs: history.ageMs,
    historyChannelBytes: history.channelBytes ?? HISTORY_DEFAULTS.channelBytes,
    historyDevicesPerUser: history.devicesPerUser ?? HISTORY_DEFAULTS.devicesPerUser,
    historyChannels: history.channels ?? {},
    idempotencyWindowMs: settings.idempotencyWindowMs,
    graceMs: settings.graceMs,
    nodeTimeoutMs: settings.timeoutMs,
  };
  const shared = new SharedSettings({ connection, own, health });
  return { connection, bus, node, traffic, health, clock, shared };
}

function createMessages(base: Base, settings: Settings, members: () => RedisPresence) {
  const { connection, bus, node, shared } = base;
  const { history, pushFrom, address, prefix } = settings;
  const histories = new Histories(connection, shared, history.pageBytes);
  const idempotency = new IdempotencyKeys(connection.run, () => shared.idempotencyWindowMs);
  const byPartition = address.kind === "cluster";
  const targets = new AppendTargets(connection, bus, prefix, history.ageMs * TARGET_LIFETIME_OF_AGE);
  const appends = new AppendQueue({
    ...base,
    histories,
    targets,
    idempotency,
    pushFrom,
    byPartition,
    members,
  });
  const receiver = new Receiver({
    ...base,
    histories,
    confirmed: () => targets.confirmed(),
    hears: (channel) => members().hears(channel),
    onDelivered: (message, here, isOrdered) => {
      appends.completion.delivered(message, here);
      tallies.stored(message, here, isOrdered);
    },
    onUndelivered: (channel) => appends.completion.undelivered(channel),
  });
  const directory = new Directory(
    connection.run,
    bus,
    settings.commandTimeoutMs * PAUSE_OF_TIMEOUT,
    (channel) => targets.forget(channel),
  );
  const retention = new Retention(connection, node, histories, settings.heartbeatMs);
  const tallies = new Tallies(bus, directory, settings.commandTimeoutMs);
  const relay = new Relay(connection, bus, node, directory, tallies);
  return { histories, idempotency, appends, receiver, directory, retention, relay, tallies };
}

function createPresence(base: Base, settings: Settings, receiver: Receiver) {
  const { connection, bus, node } = base;
  const { graceMs, drainGraceMs, heartbeatMs, commandTimeoutMs } = settings;
  const invalidation = new Invalidation(connection.run, bus, commandTimeoutMs);
  const presence = new RedisPresence({
    ...base,
    graceMs,
    drainGraceMs,
    heartbeatMs,
    onNoMembers: (channel) => receiver.forget(channel),
    confirmInvalidation: (channel) => invalidation.confirm(channel),
  });
  const adjustments = new Adjustments(base);
  const registry = new Registry({
    ...base,
    adjustments,
    heartbeatMs,
    settings: base.shared,
    clear: (token) => presence.clear(token),
    onDeath: (name) => node.sink.report("cluster", silentNode(name)),
    onDuplicateId: (name) => {
      node.sink.report("cluster", twoNodes(name));
      base.health.degrade("node id", twoNodes(name).message);
    },
    onUniqueId: () => base.health.restore("node id"),
  });
  const cluster = new NodeCommands({ ...base, registry, presence, adjustments, commandTimeoutMs });
  return { presence, registry, adjustments, cluster };
}

const silentNode = (node: string): TidingsError =>
  new TidingsError("unavailable", `node ${node} has been silent for too long and is declared dead`);

const twoNodes = (node: string): TidingsError =>
  new TidingsError("conflict", `two nodes call themselves ${node}: give each a node.id of its own`);

/** Options that were given as `undefined` take their defaults too. */
const defined = <Options extends object>(options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options; // a part of it
