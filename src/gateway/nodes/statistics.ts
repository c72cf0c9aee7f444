import type { Backplane, Degradation } from "../../backplane/backplane.ts";
import type { Local } from "../../local/local.ts";
import type { DisconnectClass } from "../../protocol/protocol.ts";
import { processMemory } from "../memory.ts";
import type { Metrics, Quantiles, RecentLoop } from "../metrics/metrics.ts";
import type { Overload } from "../overload.ts";

/** Statistics of a node: of this moment, of the last seconds, and since its start. */
export interface NodeStatistics {
  readonly node: string;
  /** Start of the hub, in milliseconds since 1970, by the clock of the node. */
  readonly since: number;
  readonly draining: boolean;
  readonly connections: number;
  /** Users with a connection to this node. */
  readonly users: number;
  /** Groups with a member on this node. */
  readonly groups: number;
  /** Per second, on average of the last seconds. */
  readonly rates: NodeRates;
  /** Latencies of the same seconds; null where nothing was measured. */
  readonly latency: {
    /** From the publish of a stored message to its receipt. */
    readonly stored: Quantiles | null;
    /** From the publish of an ephemeral message until it was delivered here and handed to other nodes. */
    readonly ephemeral: Quantiles | null;
    /** From the publish, on any node, until the message was handed to connections of this one. */
    readonly delivery: Quantiles | null;
  };
  /** Clients that are slower than their messages come. */
  readonly queues: {
    readonly connections: number;
    /** Bytes that their sockets have not taken. */
    readonly bytes: number;
  };
  /** Requests and messages of clients in flight. */
  readonly waiting: number;
  /** Since the start: messages that full queues dropped, and that waited for room; connections that were closed or cut for their queue. */
  readonly slow: {
    readonly dropped: number;
    readonly waited: number;
    readonly closed: number;
    readonly cut: number;
  };
  /** Connections that ended since the start, by cause. */
  readonly disconnects: Readonly<Partial<Record<DisconnectClass, number>>>;
  /** Refusals by the limits of clients since the start, by limit. */
  readonly denied: Readonly<Record<string, number>>;
  readonly loop: RecentLoop;
  /** In bytes. */
  readonly memory: { readonly rss: number; readonly heapUsed: number };
  /** Parts that do not work as they should. */
  readonly degraded: readonly Degradation[];
  /** Why the node refuses new connections; null while it admits them. */
  readonly refusal: string | null;
}

export interface NodeRates {
  /** Length of the window, in milliseconds. */
  readonly windowMs: number;
  /** Messages and requests of clients. */
  readonly received: number;
  /** Messages published on this node, by clients and by the application. */
  readonly published: number;
  /** Messages handed to connections: one to a group of ten counts ten. */
  readonly delivered: number;
  /** Messages that full send queues dropped. */
  readonly dropped: number;
  readonly connects: number;
  readonly disconnects: number;
}

export interface StatisticsParts {
  readonly node: string;
  readonly backplane: Pick<Backplane, "health">;
  readonly local: Local;
  readonly metrics: Metrics;
  readonly inbound: { readonly waiting: number };
  readonly isDraining: () => boolean;
  readonly overload?: Pick<Overload, "refusal">;
  /** Start of the hub, by the monotonic clock. */
  readonly startedAt: number;
}

export function statisticsOf(parts: StatisticsParts): NodeStatistics {
  const { node, backplane, local, metrics, inbound, isDraining, overload, startedAt } = parts;
  const { windowMs, rates, latencies, loop } = metrics.recent;
  return {
    node,
    since: Math.round(performance.timeOrigin + startedAt),
    draining: isDraining(),
    connections: local.size,
    users: local.users,
    groups: local.groups,
    rates: { windowMs, ...rates },
    latency: latencies,
    queues: local.lagging(),
    waiting: inbound.waiting,
    slow: { ...local.slow },
    disconnects: metrics.disconnects,
    denied: metrics.denied,
    loop,
    memory: processMemory(),
    degraded: backplane.health.degraded,
    refusal: overload?.refusal ?? null,
  };
}
