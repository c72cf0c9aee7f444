import { startStolenMeter } from "../../measure/machine.ts";
import { type FigureName, Gathering, type Row } from "../../scenario.ts";
import type { ClusterOutcome, ClusterRig } from "../rig.ts";
import type { ClusterScale } from "../scale.ts";
import { type ClusterBench, type ClusterScenario, caseOf, openAll, perMessage } from "../scenario.ts";

const TARGET_CPU_PERCENT = 50;
const CALIBRATIONS = 4;
/** First rate, as a fraction of the maximum throughput. */
const FIRST_SHARE = 0.2;
/** A rate that is too high would fill queues, not cores. */
const LARGEST_SHARE = 0.6;
const LARGEST_STEP = 2;
/** Maximum of stolen CPU time in a quiet round, in percent of all CPU time. */
const MOST_STOLEN_PERCENT = 1;
/** Maximum of rounds, as a multiple of the quiet rounds wanted. */
const MOST_TRIES = 3;

/** Messages per second, and how many they may be at most. */
interface Rate {
  readonly perSecond: number;
  readonly most: number;
}

/** Latency of a message to the other node, with the busiest of the three processes half busy. */
export const latency: ClusterScenario = {
  name: "latency",
  title:
    "Latency from node A to node B, the busiest process at half of one core: without sockets, and to clients",
  async run(bench: ClusterBench): Promise<Row[]> {
    const { latencySeconds, warmSeconds } = bench.scale;
    const gathering = new Gathering("latency");
    for (const receivers of ["held by B", "clients of B"] as const) {
      const contenders = bench.contenders.filter((each) =>
        receivers === "held by B" ? each.hasSink && !each.together : each.serves !== undefined,
      );
      for (const contender of contenders) {
        const [rig] = await openAll(bench, [contender], receivers);
        if (rig === undefined) continue;
        await rig.publishFlow({ perTick: 100, seconds: warmSeconds });
        let rate = await findRate(rig, latencySeconds / 2);
        // The search for the rate has filled the heaps at full speed. The measured rounds must not pay for their
        // collection.
        await rig.collectGarbage();
        rate = adjusted(rate, await rig.publishAtRate({ ...rate, seconds: latencySeconds / 2 }));
        for (const round of await quietRounds(bench.scale, rig, rate)) {
          gathering.add(caseOf(rig), contender.name, round);
        }
        await rig.close();
      }
    }
    return gathering.rows();
  },
};

type Round = Partial<Record<FigureName, number>> & { stolenPercent: number };

/**
 * Measures until enough rounds were quiet: when the host of a virtual machine takes CPU time away, messages in flight
 * seem slower.
 * @returns the rounds with the least stolen CPU time, and the number of all rounds
 */
async function quietRounds(
  { rounds, latencySeconds }: ClusterScale,
  rig: ClusterRig,
  first: Rate,
): Promise<Round[]> {
  const all: Round[] = [];
  let rate = first;
  let quiet = 0;
  while (quiet < rounds && all.length < MOST_TRIES * rounds) {
    const stolen = startStolenMeter();
    const outcome = await rig.publishAtRate({ ...rate, seconds: latencySeconds });
    const round = { ...figuresOf(outcome), stolenPercent: stolen() };
    all.push(round);
    if (round.stolenPercent <= MOST_STOLEN_PERCENT) quiet++;
    rate = adjusted(rate, outcome);
  }
  const quietest = all.toSorted((one, other) => one.stolenPercent - other.stolenPercent).slice(0, rounds);
  return quietest.map((round) => ({ ...round, tries: all.length }));
}

async function findRate(rig: ClusterRig, seconds: number): Promise<Rate> {
  const { perSecond } = perMessage(await rig.publishFlow({ perTick: 100, seconds }));
  let rate = { perSecond: FIRST_SHARE * perSecond, most: LARGEST_SHARE * perSecond };
  for (let attempt = 0; attempt < CALIBRATIONS; attempt++) {
    rate = adjusted(rate, await rig.publishAtRate({ ...rate, seconds }));
  }
  return rate;
}

/**
 * The rate at which the busiest process would have been half busy. Computed anew for each round, because the machine's
 * speed varies.
 */
function adjusted({ perSecond, most }: Rate, outcome: ClusterOutcome): Rate {
  const step = Math.min(LARGEST_STEP, TARGET_CPU_PERCENT / busiestPercent(outcome));
  return { perSecond: Math.min(most, step * perSecond), most };
}

const figuresOf = (outcome: ClusterOutcome): Partial<Record<FigureName, number>> => ({
  p50Ms: outcome.tally.latencyMs.p50,
  p99Ms: outcome.tally.latencyMs.p99,
  maxMs: outcome.tally.latencyMs.max,
  cpuPercent: busiestPercent(outcome),
  perSecond: (outcome.report.messages / outcome.report.elapsedMs) * 1000,
});

const busiestPercent = ({ cpuUs, report }: ClusterOutcome): number =>
  Math.max(cpuUs.sender, cpuUs.receiver, cpuUs.redis) / report.elapsedMs / 10;
