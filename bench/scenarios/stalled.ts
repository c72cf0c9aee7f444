import type { ContenderInfo } from "../rig/rig.ts";
import { type Bench, Gathering, MIB, type Row, type Scenario } from "../scenario.ts";

/** Messages to everyone: about a quarter of one core with 1,000 connections. */
const LOAD = { audience: "everyone", perSecond: 25, everyMs: 40 } as const;
/** Extra messages for the one client, whether it reads or not: 10 MiB/s, more than the kernel will hold. */
const BALLAST = { perTick: 25, bytes: 16 * 1024 };

/** Cost of a client that never reads, for the server and for the other clients. */
export const stalled: Scenario = {
  name: "stalled",
  title: "One stalled client under load: latency of the others, and memory of the server",
  async run(bench: Bench): Promise<Row[]> {
    const gathering = new Gathering("stalled");
    const contenders = bench.contenders.filter(({ name }) => name === "tidings" || name === "ws-loop");
    for (const contender of contenders) {
      for (const firstUser of ["ignored", "stalled"] as const) {
        const name = firstUser === "stalled" ? "one stalled" : "all read";
        bench.progress(`${name}, ${contender.title}`);
        gathering.add(name, contender.name, await measure(bench, contender, firstUser));
      }
    }
    return gathering.rows();
  },
};

async function measure(bench: Bench, contender: ContenderInfo, firstUser: "ignored" | "stalled") {
  const { connections, stalledSeconds } = bench.scale;
  const rig = await bench.open(contender);
  await rig.connect(connections);
  const readEvery = Math.ceil(connections / 50);
  await rig.publishPaced({ ...LOAD, seconds: stalledSeconds / 4 }, { readEvery }); // warms up
  const before = await rig.server.call("usage", { collect: "release" });
  const plan = { ...LOAD, seconds: stalledSeconds, ballast: BALLAST };
  const { report, tally } = await rig.publishPaced(plan, { readEvery, firstUser });
  const after = await rig.server.call("usage", { collect: "release" });
  await rig.close();
  return {
    p50Ms: tally.latencyMs.p50,
    p99Ms: tally.latencyMs.p99,
    maxMs: tally.latencyMs.max,
    cpuPercent: report.cpuUs / report.elapsedMs / 10,
    growthMiB: (after.rssBytes - before.rssBytes) / MIB,
  };
}
