import type { ContenderInfo, Outcome, Rig } from "../rig/rig.ts";
import { type Bench, Gathering, MIB, openAll, type Row, type Scenario } from "../scenario.ts";

export const PER_TICK = [1, 10, 100] as const;

/** With many connections a round takes seconds, and the rounds differ less. */
const MAX_ROUNDS_OF_MANY = 3;

export const fanoutCase = (connections: number, perTick: number): string =>
  `${connections} × ${perTick}/tick`;

/** Every message goes to every connection. */
export const fanout: Scenario = {
  name: "fanout",
  title: "Fan-out: connections × messages per tick, CPU per delivery",
  async run(bench: Bench): Promise<Row[]> {
    const { rounds, connections, manyConnections } = bench.scale;
    const gathering = new Gathering("fanout");
    const rigs = await openAll(bench, bench.contenders, connections);
    for (let round = 0; round < rounds; round++) {
      await runRound(bench, rigs, gathering, `round ${round + 1} of ${rounds}`);
    }
    for (const rig of rigs) await rig.connect(manyConnections);
    for (let round = 0; round < Math.min(rounds, MAX_ROUNDS_OF_MANY); round++) {
      await runRound(bench, rigs, gathering, `round ${round + 1}`);
    }
    return gathering.rows();
  },
};

async function runRound(
  bench: Bench,
  rigs: readonly Rig[],
  gathering: Gathering,
  round: string,
): Promise<void> {
  for (const perTick of PER_TICK) {
    for (const rig of rigs) {
      if (isHopeless(rig.contender, rig.connections * perTick)) continue;
      const name = fanoutCase(rig.connections, perTick);
      bench.progress(`${name}, ${rig.contender.title}, ${round}`);
      const minTicks = perTick === 100 ? 1 : 2;
      const plan = { audience: "everyone", perTick, minTicks, cpuBudgetMs: bench.scale.cpuBudgetMs } as const;
      gathering.add(name, rig.contender.name, perDelivery(await rig.publishTicks(plan)));
    }
  }
}

/** A server that joins no writes would need a million writes in one tick: seconds of CPU and gigabytes of queues. */
const isHopeless = ({ name }: ContenderInfo, deliveries: number): boolean =>
  (name === "ws-loop" || name === "socketio") && deliveries > 100_000;

/** The figures of one measurement, by delivery. */
export function perDelivery({ report, tally }: Outcome) {
  const arrivals = tally.messages / tally.connections; // on each connection, the warm-up tick included
  const deliveries = (arrivals * tally.connections * report.ticks) / (report.ticks + 1);
  const cpuUs = report.cpuUs / deliveries;
  return {
    cpuUs,
    kernelPercent: report.kernelPercent,
    perCoreSecond: 1_000_000 / cpuUs,
    rssMiB: report.rssBytes / MIB,
    wireBytes: tally.bytes / tally.messages,
  };
}
