import type { Percentiles } from "../../src/loadtest/measure/histogram.ts";
import type { LoadReport, ScenarioResult } from "../../src/loadtest/result.ts";
import type { Timing } from "../../src/loadtest/worker/api.ts";
import { sumOf } from "../../src/loadtest/worker/meters.ts";
import { planFor } from "./plans.ts";

const NOTHING: Percentiles = { count: 0, mean: 0, min: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };

/** The result of a run that went well, with these timings. */
export function resultFor(
  timings: Partial<Record<Timing, Partial<Percentiles>>> = {},
  part: Partial<ScenarioResult> = {},
): ScenarioResult {
  const { targets, sources, ...plan } = planFor({ scenario: "direct" });
  const of = (timing: Timing): Percentiles => ({ ...NOTHING, ...timings[timing] });
  return {
    scenario: "direct",
    plan: { ...plan, targets: targets.map(({ url }) => url), sources: sources.length },
    interrupted: false,
    totals: { ...sumOf([]), opened: 10, sent: 100, received: 100 },
    expected: 100,
    lost: 0,
    connections: { wanted: 10, opened: 10, rampMs: 50, nodes: {}, refusals: {}, ends: {} },
    refusedMessages: {},
    errors: {},
    timings: {
      connect: of("connect"),
      latency: of("latency"),
      transit: of("transit"),
      receipt: of("receipt"),
      lateness: of("lateness"),
      reconnect: of("reconnect"),
    },
    curve: [],
    sendMs: 1_000,
    series: [],
    servers: [],
    tester: { workers: 1, cpuPercent: 10, loopMs: 3 },
    faults: [],
    hints: [],
    ...part,
  };
}

export const reportFor = (scenarios: readonly ScenarioResult[]): LoadReport => ({
  version: "0.0.0",
  date: "2026-01-31T12:00:00.000Z",
  command: "tidings bench http://127.0.0.1:8080",
  machine: { cpu: "a processor", cores: 2, memoryGiB: 4, system: "Linux", node: "24.0.0" },
  targets: ["http://127.0.0.1:8080"],
  passed: scenarios.every(({ faults }) => faults.length === 0),
  scenarios,
});
