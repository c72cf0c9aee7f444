import { Gathering, type Row } from "../../scenario.ts";
import type { ClusterOutcome, ClusterRig } from "../rig.ts";
import { type ClusterBench, type ClusterScenario, caseOf, openAll, perMessage } from "../scenario.ts";

const TARGET_CPU_PERCENT = 50;
const CALIBRATIONS = 4;
/** Of what went through at most, to begin with. A rate that is too high would fill queues, not cores. */
const FIRST_SHARE = 0.2;
const LARGEST_SHARE = 0.6;
const LARGEST_STEP = 2;

/** How long a message takes to the other node when the busiest of the three processes is half busy. */
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
        const perSecond = await findRate(rig, latencySeconds / 5);
        // To find the rate has filled the heaps at full speed: who runs at this rate does not pay for that, nor for the collection.
        await rig.collectGarbage();
        await rig.publishAtRate({ perSecond, seconds: latencySeconds / 4 });
        const outcome = await rig.publishAtRate({ perSecond, seconds: latencySeconds });
        const { report, tally } = outcome;
        gathering.add(caseOf(rig), contender.name, {
          p50Ms: tally.latencyMs.p50,
          p99Ms: tally.latencyMs.p99,
          maxMs: tally.latencyMs.max,
          cpuPercent: busiestPercent(outcome),
          perSecond: (report.messages / report.elapsedMs) * 1000,
        });
        await rig.close();
      }
    }
    return gathering.rows();
  },
};

async function findRate(rig: ClusterRig, seconds: number): Promise<number> {
  const { perSecond } = perMessage(await rig.publishFlow({ perTick: 100, seconds }));
  let rate = FIRST_SHARE * perSecond;
  for (let attempt = 0; attempt < CALIBRATIONS; attempt++) {
    const outcome = await rig.publishAtRate({ perSecond: rate, seconds });
    const step = Math.min(LARGEST_STEP, TARGET_CPU_PERCENT / busiestPercent(outcome));
    rate = Math.min(LARGEST_SHARE * perSecond, step * rate);
  }
  return rate;
}

const busiestPercent = ({ cpuUs, report }: ClusterOutcome): number =>
  Math.max(cpuUs.sender, cpuUs.receiver, cpuUs.redis) / report.elapsedMs / 10;
