import type { Rig } from "../rig/rig.ts";
import { type Bench, Gathering, type Row, type Scenario, withoutStored } from "../scenario.ts";

const TARGET_CPU_PERCENT = 50;
/** First rate in messages per second. The scenario adjusts it until the server is half busy. */
const FIRST_RATE = 20_000;
const CALIBRATIONS = 4;
/**
 * Clients whose messages are timed; to read all of them would keep the receiver so busy that it adds to the latency.
 */
const READ_EVERY = 10;

/** Latency of a message to one user, from publishing to its client, with the server half busy. */
export const latency: Scenario = {
  name: "latency",
  title: "Same-node latency at half the CPU time of one core, messages to single users",
  async run(bench: Bench): Promise<Row[]> {
    const { connections, latencySeconds } = bench.scale;
    const gathering = new Gathering("latency");
    // Bun's clock begins with its process, so its times cannot be compared with those of the receivers.
    const contenders = withoutStored(bench.contenders).filter(({ runtime }) => runtime === "node");
    for (const contender of contenders) {
      bench.progress(contender.title);
      const rig = await bench.open(contender);
      await rig.connect(connections);
      const perSecond = await findRate(rig, latencySeconds / 5);
      const { report, tally } = await publish(rig, perSecond, latencySeconds);
      gathering.add(`${connections} users`, contender.name, {
        p50Ms: tally.latencyMs.p50,
        p99Ms: tally.latencyMs.p99,
        maxMs: tally.latencyMs.max,
        cpuPercent: report.cpuUs / report.elapsedMs / 10,
        perSecond: (report.messages / report.elapsedMs) * 1000,
      });
      await rig.close();
    }
    return gathering.rows();
  },
};

async function findRate(rig: Rig, seconds: number): Promise<number> {
  let rate = FIRST_RATE;
  for (let attempt = 0; attempt < CALIBRATIONS; attempt++) {
    const { report } = await publish(rig, rate, seconds);
    rate *= TARGET_CPU_PERCENT / (report.cpuUs / report.elapsedMs / 10);
  }
  return rate;
}

const publish = (rig: Rig, perSecond: number, seconds: number) =>
  rig.publishPaced({ audience: "each-user", perSecond, seconds, everyMs: 1 }, { readEvery: READ_EVERY });
