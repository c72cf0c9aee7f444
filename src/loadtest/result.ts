import type { Counts } from "./measure/counted.ts";
import type { Percentiles } from "./measure/histogram.ts";
import type { TestMachine } from "./measure/machine.ts";
import type { Point } from "./measure/series.ts";
import type { Plan } from "./plan.ts";
import type { Waits } from "./run/probe.ts";
import type { ServerReport } from "./server/server.ts";
import type { Timing, Totals } from "./worker/api.ts";

/** What a scenario found. Latencies in milliseconds. */
export interface ScenarioResult {
  readonly scenario: Plan["scenario"];
  readonly plan: Omit<Plan, "targets" | "sources"> & {
    readonly targets: readonly string[];
    readonly sources: number;
  };
  /** True when it was ended early: the figures are those until then. */
  readonly interrupted: boolean;
  readonly totals: Totals;
  /** Messages that receivers had to get, and those that none of the three came to. */
  readonly expected: number;
  readonly lost: number;
  /** Connections at the end of the ramp, and the time it took. */
  readonly connections: {
    readonly wanted: number;
    readonly opened: number;
    readonly rampMs: number;
    readonly nodes: Counts;
    readonly refusals: Counts;
    readonly ends: Counts;
  };
  readonly refusedMessages: Counts;
  readonly errors: Counts;
  readonly timings: Readonly<Record<Timing, Percentiles>>;
  /** How long requests and calls of the API waited meanwhile; undefined without a probe. */
  readonly waits?: Waits | undefined;
  /** The curve of the latencies: share of the messages, milliseconds. */
  readonly curve: readonly (readonly [number, number])[];
  readonly sendMs: number;
  readonly series: readonly Point[];
  readonly servers: readonly ServerReport[];
  /** CPU time of all processes of the tester, in percent of one core, and the longest time in which one of them did not react. */
  readonly tester: { readonly workers: number; readonly cpuPercent: number; readonly loopMs: number };
  /** What is wrong. Empty: the scenario passed. */
  readonly faults: readonly string[];
  /** What a reader should know: settings to change, figures to doubt. */
  readonly hints: readonly string[];
}

/** All that a run of the command found: the JSON report. */
export interface LoadReport {
  readonly version: string;
  readonly date: string;
  readonly command: string;
  readonly machine: TestMachine;
  readonly targets: readonly string[];
  readonly passed: boolean;
  readonly scenarios: readonly ScenarioResult[];
}
