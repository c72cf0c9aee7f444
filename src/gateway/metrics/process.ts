import { getHeapStatistics } from "node:v8";
import packageJson from "../../../package.json" with { type: "json" };
import type { ScrapedMetrics } from "./registry.ts";

/** Registers what `prom-client` does not tell of a process: what it runs, and how far its heap may grow. */
export function registerProcess(own: ScrapedMetrics): void {
  const { version } = packageJson;
  own.gauges("tidings_build_info", "1, for the version that runs.", "version", () => [[version, 1]], "max");
  const limitHelp = "Size up to which the heap may grow.";
  own.gauge("tidings_heap_limit_bytes", limitHelp, () => getHeapStatistics().heap_size_limit);
}
