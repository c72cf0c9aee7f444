import type { JsonMetric } from "../../gateway/gateway.ts";

type Value = JsonMetric["values"][number];

/** Keeps of metrics what only grows. The last counters of a process that has ended stay in all later sums. */
export const countersIn = (metrics: readonly JsonMetric[]): JsonMetric[] =>
  metrics.filter(({ type, aggregator }) => ["counter", "histogram"].includes(type) && aggregator === "sum");

/** Adds up counters of several processes, series by series. */
export function sumCounters(lists: readonly (readonly JsonMetric[])[]): JsonMetric[] {
  const metrics = new Map<string, { metric: JsonMetric; values: Map<string, Value> }>();
  for (const metric of lists.flat()) {
    const known = metrics.get(metric.name) ?? { metric, values: new Map<string, Value>() };
    metrics.set(metric.name, known);
    for (const value of metric.values) {
      const series = JSON.stringify([value.metricName, value.labels]);
      known.values.set(series, { ...value, value: value.value + (known.values.get(series)?.value ?? 0) });
    }
  }
  return [...metrics.values()].map(({ metric, values }) => ({ ...metric, values: [...values.values()] }));
}
