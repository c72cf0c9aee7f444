import { AggregatorRegistry } from "prom-client";
import { answeringIn, type Collected } from "../workers.ts";
import type { JsonMetric } from "./registry.ts";

/**
 * Renders the metrics of all workers as one scrape: counters, histograms and gauges are summed, unless a metric names
 * another way.
 */
export async function combinedMetrics(collected: Collected): Promise<string> {
  const { answered, silent } = answeringIn(collected);
  const workers: JsonMetric = {
    name: "tidings_workers",
    help: "Worker processes of this server, by whether they answered the scrape.",
    type: "gauge",
    aggregator: "sum",
    values: [
      { labels: { state: "answered" }, value: answered.length },
      { labels: { state: "silent" }, value: silent.length },
    ],
  };
  const degraded: JsonMetric = {
    name: "tidings_degraded",
    help: "1 for a part that does not work as it should.",
    type: "gauge",
    aggregator: "max",
    values: [{ labels: { what: "workers" }, value: silent.length > 0 ? 1 : 0 }],
  };
  const lists = [...collected.answered.map(({ report }) => report), ...collected.former];
  const all = [...(lists as JsonMetric[][]), [workers, degraded]]; // by metrics.json() of a worker of the same version
  return AggregatorRegistry.aggregate(all).metrics();
}
