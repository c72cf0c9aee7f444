import { Counter } from "../measure/counted.ts";
import { Histogram, inMs, type Percentiles } from "../measure/histogram.ts";
import { clientsOf, type Plan } from "../plan.ts";
import type { ScenarioResult } from "../result.ts";
import type { ServerReport } from "../server/server.ts";
import { type Tally, TIMINGS, type Timing } from "../worker/api.ts";
import { sumOf } from "../worker/meters.ts";
import type { Waits } from "./probe.ts";
import { faultsOf, hintsOf } from "./verdict.ts";

export interface Outcome {
  readonly plan: Plan;
  readonly tallies: readonly Tally[];
  readonly rampMs: number;
  readonly sendMs: number;
  readonly interrupted: boolean;
  readonly tester: ScenarioResult["tester"];
  readonly waits?: Waits | undefined;
  readonly series: ScenarioResult["series"];
  readonly servers: readonly ServerReport[];
}

/** Adds up what the processes tell, and judges it. */
export function resultOf({
  plan,
  tallies,
  rampMs,
  sendMs,
  interrupted,
  tester,
  waits,
  series,
  servers,
}: Outcome): ScenarioResult {
  const totals = sumOf(tallies.map((tally) => tally.totals));
  const together = (
    pick: (tally: Tally) => Readonly<Record<string, number>>,
  ): Readonly<Record<string, number>> => {
    const counter = new Counter();
    for (const tally of tallies) counter.add(pick(tally));
    return counter.counts();
  };
  const histograms = new Map(TIMINGS.map((timing) => [timing, mergedOf(tallies, timing)]));
  const timings = Object.fromEntries(
    [...histograms].map(([timing, histogram]) => [timing, inMs(histogram.percentiles())]),
  ) as Record<Timing, Percentiles>; // all of them are there
  const curve = histograms.get("latency")?.curve() ?? [];
  const { targets, sources, ...rest } = plan;
  const judged = {
    scenario: plan.scenario,
    plan: { ...rest, targets: targets.map(({ url }) => url), sources: sources.length },
    interrupted,
    totals,
    expected: tallies.reduce((sum, { expected }) => sum + expected, 0),
    lost: tallies.reduce((sum, { lost }) => sum + lost, 0),
    connections: {
      wanted: clientsOf(plan),
      opened: totals.opened,
      rampMs,
      nodes: together(({ nodes }) => nodes),
      refusals: together(({ refusals }) => refusals),
      ends: together(({ ends }) => ends),
    },
    refusedMessages: together(({ refusedMessages }) => refusedMessages),
    errors: together(({ errors }) => errors),
    timings,
    waits,
    curve: curve.map(([share, value]) => [share, value / 1_000] as const),
    sendMs,
    series,
    servers,
    tester,
  };
  return { ...judged, faults: faultsOf(judged), hints: hintsOf(judged) };
}

function mergedOf(tallies: readonly Tally[], timing: Timing): Histogram {
  const histogram = new Histogram();
  for (const { timings } of tallies) histogram.add(timings[timing]);
  return histogram;
}
