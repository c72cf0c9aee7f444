import { type Bench, Gathering, type Row, type Scenario, withoutStored } from "../scenario.ts";

const BROADCASTS = 10;

/** Longest turn of the event loop during a broadcast to as many connections as one process can hold. */
export const block: Scenario = {
  name: "block",
  title: "Broadcast to very many connections: longest turn of the event loop",
  async run(bench: Bench): Promise<Row[]> {
    const { mostConnections } = bench.scale;
    const gathering = new Gathering("block");
    for (const contender of withoutStored(bench.contenders)) {
      bench.progress(`${mostConnections} connections to ${contender.title}`);
      const rig = await bench.open(contender, 2);
      await rig.connect(mostConnections);
      const ticks = { minTicks: BROADCASTS, maxTicks: BROADCASTS, cpuBudgetMs: 0, watchLoop: true };
      const { report } = await rig.publishTicks({ audience: "everyone", perTick: 1, ...ticks });
      for (const longestTurnMs of report.longestTurnsMs) {
        gathering.add(`${mostConnections} connections`, contender.name, { longestTurnMs });
      }
      await rig.close();
    }
    return gathering.rows();
  },
};
