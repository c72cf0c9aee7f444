import { TidingsError } from "../../protocol/protocol.ts";
import type { Backplane, BackplaneSink, NodeInfo } from "../port.ts";
import { Aging } from "./aging.ts";
import { PUSH } from "./append-pushes.ts";
import { Appends } from "./appends.ts";
import { idempotencyOf, RedisBroker } from "./broker.ts";
import { CLAIM_SCRIPTS } from "./claim-scripts.ts";
import { Claims } from "./claims.ts";
import { type Address, addressOf } from "./clients.ts";
import { RedisCluster } from "./commands.ts";
import { CURSOR_SCRIPTS } from "./cursor-scripts.ts";
import { RedisCursors } from "./cursors.ts";
import { Directory, LOOK_UP } from "./directory.ts";
import { Histories, type HistoryLimits } from "./histories.ts";
import { HISTORY_SCRIPTS } from "./history-scripts.ts";
import { Link } from "./link.ts";
import { MEMBERSHIP_SCRIPTS, RedisMemberships } from "./memberships.ts";
import { Places } from "./places.ts";
import { RedisPresence } from "./presence.ts";
import { PRESENCE_SCRIPTS } from "./presence-scripts.ts";
import { Registry } from "./registry.ts";
import { REGISTRY_SCRIPTS } from "./registry-scripts.ts";
import { Relay } from "./relay.ts";
import { ASK_READERS, Settling } from "./settling.ts";
import { Tracker } from "./tracker.ts";
import { TrafficCounts } from "./traffic.ts";

export interface RedisOptions {
  /**
   * `redis://[user:password@]host[:port][/db]`, `redis-sentinel://host:port,host:port[/db]#master` or
   * `redis-cluster://host:port,host:port`; `rediss…` is the same over TLS.
   */
  readonly url: string;
  /** What all keys and Pub/Sub channels begin with; clusters that share a Redis need different ones. @default "tidings:" */
  readonly prefix?: string;
  /** Retention per channel. */
  readonly history: HistoryLimits;
  /** How long a publish is remembered by its key, in milliseconds. @default 300_000 // 5 min */
  readonly idempotencyWindowMs?: number;
  /** How long a user may be without a connection before `offline`, in milliseconds. @default 5_000 // 5 s */
  readonly graceMs?: number;
  /**
   * The same for users of a node that drains, in milliseconds: longer by the time over which it spreads their return, so that
   * a restart makes nobody offline. @default graceMs
   */
  readonly drainGraceMs?: number;
  /** How often a node says that it is there, in milliseconds. @default 10_000 // 10 s */
  readonly heartbeatMs?: number;
  /** How long a node may be silent before the others declare it dead, in milliseconds. @default 60_000 // 60 s */
  readonly timeoutMs?: number;
  /** A command that takes longer fails with `unavailable`, in milliseconds. @default 2_000 // 2 s */
  readonly commandTimeoutMs?: number;
  /**
   * So many stored messages of a tick are appended to their histories by a transaction with a command each, instead of by a script: the latter
   * has less delay, the former costs Redis half as much. Not on Redis Cluster. @default 32
   */
  readonly pushFrom?: number;
  /** Milliseconds since 1970: the clock of history's age and of the idempotency window. @default Date.now */
  readonly now?: () => number;
}

/** A channel is looked up again after so much of the age of its messages, and its cursors are given their lifetime anew. */
const KNOWN_OF_AGE = 1 / 16;

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
 * The backplane of any number of nodes, on Redis 6.2 or later or Valkey: standalone, Sentinel or Cluster. It starts once and does not
 * come back after `stop`; while Redis is away it fails with `unavailable`, and announces everything anew when it is back.
 * @throws TidingsError `bad_request` for a URL of another form
 */
export function redisBackplane({ url, ...options }: RedisOptions): Backplane {
  const graceMs = options.graceMs ?? DEFAULTS.graceMs;
  const given = { drainGraceMs: graceMs, ...defined(options), history: options.history };
  const settings = { ...DEFAULTS, ...given, address: addressOf(url) };
  const traffic = new TrafficCounts([
    LOOK_UP,
    ASK_READERS,
    PUSH,
    ...HISTORY_SCRIPTS,
    ...CURSOR_SCRIPTS,
    ...CLAIM_SCRIPTS,
    ...PRESENCE_SCRIPTS,
    ...REGISTRY_SCRIPTS,
    ...MEMBERSHIP_SCRIPTS,
  ]);
  const link = new Link({ ...settings, traffic });
  const messages = wayOfMessages(link, settings, traffic, () => presence);
  const { presence, registry, cluster } = whoIsWhere(link, settings, traffic, messages.tracker);
  const { tracker, directory, histories, aging } = messages;
  return {
    name: "redis",
    traffic,
    broker: new RedisBroker({ ...messages, link }),
    idempotency: idempotencyOf(messages.claims),
    routes: presence,
    cursors: new RedisCursors(link, histories),
    memberships: new RedisMemberships(link),
    presence,
    cluster,
    start: (node: NodeInfo, sink: BackplaneSink) =>
      link.start(node, sink, comeBack({ registry, presence, directory, tracker })),
    async stop() {
      cluster.stop();
      registry.stop();
      presence.stop();
      directory.stop();
      aging.stop();
      await link.stop(() => registry.leave());
    },
    probe: () => link.probe(),
  };
}

function wayOfMessages(link: Link, settings: Settings, traffic: TrafficCounts, members: () => RedisPresence) {
  const { history, idempotencyWindowMs: windowMs, pushFrom, now, address, prefix } = settings;
  const histories = new Histories(link, history, now);
  const claims = new Claims(link, windowMs, now);
  const byPartition = address.kind === "cluster";
  const places = new Places(link, prefix, history.ageMs * KNOWN_OF_AGE);
  const appends = new Appends({
    link,
    histories,
    places,
    claims,
    traffic,
    windowMs,
    prefix,
    pushFrom,
    byPartition,
    members,
  });
  const tracker = new Tracker({
    link,
    histories,
    hasMembers: (channel) => members().hasLocal(channel),
    delivered: (message, connections) => appends.delivered(message, connections),
    passedOver: (channel) => appends.passedOver(channel),
  });
  const directory = new Directory(link);
  const aging = new Aging(link, histories, settings.heartbeatMs);
  return { histories, claims, appends, tracker, directory, aging, relay: new Relay(link, directory) };
}

function whoIsWhere(link: Link, settings: Settings, traffic: TrafficCounts, tracker: Tracker) {
  const { graceMs, drainGraceMs, heartbeatMs, timeoutMs, commandTimeoutMs } = settings;
  const settling = new Settling(link, commandTimeoutMs);
  const presence = new RedisPresence(link, {
    graceMs,
    drainGraceMs,
    heartbeatMs,
    traffic,
    onGone: (channel) => tracker.forget(channel),
    settle: (channel) => settling.settle(channel),
  });
  const registry = new Registry(link, {
    heartbeatMs,
    timeoutMs,
    clear: (token) => presence.clear(token),
    onDeath: (node) => link.sink.report("cluster", silentNode(node)),
    onTwin: (node) => link.sink.report("cluster", twoNodes(node)),
  });
  const cluster = new RedisCluster(link, { registry, presence, commandTimeoutMs, traffic });
  return { presence, registry, cluster };
}

const silentNode = (node: string): TidingsError =>
  new TidingsError("unavailable", `node ${node} has been silent for too long and is declared dead`);

const twoNodes = (node: string): TidingsError =>
  new TidingsError("conflict", `two nodes call themselves ${node}: give each a node.id of its own`);

interface ComeBackParts {
  readonly registry: Registry;
  readonly presence: RedisPresence;
  readonly directory: Directory;
  readonly tracker: Tracker;
}

/** What a node does when it reaches Redis: the first time, and whenever Redis was away or the node was declared dead. */
function comeBack({ registry, presence, directory, tracker }: ComeBackParts): () => Promise<void> {
  return async () => {
    await registry.register();
    await presence.announce();
    directory.clear();
    await tracker.catchUp();
  };
}

/** Options that were given as `undefined` take their defaults too. */
const defined = <Options extends object>(options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options; // a part of it
