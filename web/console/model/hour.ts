import { type Signal, signal } from "@preact/signals";
import type { History, SeriesName, Statistics, Top } from "./replies.ts";

/** Length of the charts. */
const HOUR_MS = 3_600_000;

/** Live points come every two seconds; the charts need no more than one in so many milliseconds. */
const EVERY_MS = 4_500;

export type Point = Readonly<Record<SeriesName, number | null>>;

/** The last hour, as columns for charts. */
export interface Columns {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly series: Readonly<Record<SeriesName, readonly (number | null)[]>>;
}

const NAMES: readonly SeriesName[] = [
  "connections",
  "users",
  "received",
  "published",
  "delivered",
  "dropped",
  "connects",
  "disconnects",
  "deliveryP50",
  "deliveryP99",
  "loopP99",
  "loopUtilization",
  "rss",
  "degraded",
];

const WORST: ReadonlySet<SeriesName> = new Set([
  "deliveryP50",
  "deliveryP99",
  "loopP99",
  "loopUtilization",
  "degraded",
]);

/** The last hour of the cluster or of a node: what the nodes have kept, and live points after it. */
export class Hour {
  readonly columns: Signal<Columns> = signal({ times: [], series: emptySeries() });

  /** Takes the history. Live points that came meanwhile stay after it. */
  begin({ from, everyMs, series }: History): void {
    const times = series.connections.map((_, index) => (from + index * everyMs) / 1_000);
    const end = times.at(-1) ?? 0;
    const live = this.columns.peek();
    const rest = live.times.findIndex((time) => time > end + EVERY_MS / 1_000);
    const kept = rest < 0 ? live.times.length : rest;
    this.columns.value = {
      times: [...times, ...live.times.slice(kept)],
      series: mapped((name) => [...series[name], ...live.series[name].slice(kept)]),
    };
  }

  add(at: number, point: Point): void {
    const { times, series } = this.columns.peek();
    if (at - (times.at(-1) ?? 0) * 1_000 < EVERY_MS) return;
    const oldest = (at - HOUR_MS) / 1_000;
    const first = Math.max(
      0,
      times.findIndex((time) => time >= oldest),
    );
    this.columns.value = {
      times: [...times.slice(first), at / 1_000],
      series: mapped((name) => [...series[name].slice(first), point[name]]),
    };
  }
}

/** The point of a node. */
export function pointOf({ connections, users, rates, latency, loop, memory, degraded }: Statistics): Point {
  const { received, published, delivered, dropped, connects, disconnects } = rates;
  return {
    ...{ connections, users, received, published, delivered, dropped, connects, disconnects },
    deliveryP50: latency.delivery?.p50 ?? null,
    deliveryP99: latency.delivery?.p99 ?? null,
    loopP99: loop.delay.p99,
    loopUtilization: loop.utilization,
    rss: memory.rss,
    degraded: degraded.length,
  };
}

/** The point of the cluster: sums, and the worst node's latencies and delays. */
export function pointOfAll({ nodes }: Top): Point {
  const points = nodes.flatMap(({ statistics }) => (statistics === undefined ? [] : [pointOf(statistics)]));
  return mapped((name) => {
    const values = points.flatMap((point) => point[name] ?? []);
    if (values.length === 0) return null;
    return WORST.has(name) ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0);
  });
}

function mapped<Value>(valueAt: (name: SeriesName) => Value): Record<SeriesName, Value> {
  return Object.fromEntries(NAMES.map((name) => [name, valueAt(name)])) as Record<SeriesName, Value>; // every name
}

function emptySeries(): Record<SeriesName, (number | null)[]> {
  return mapped(() => []);
}
