import { type Bench, Gathering, openAll, type Row, type Scenario } from "../scenario.ts";
import { perDelivery } from "./fanout.ts";

/** Each tick, every user gets a message of its own: nothing can be shared or joined. */
export const direct: Scenario = {
  name: "direct",
  title: "User to user: a message of its own for every user in each tick, CPU per delivery",
  async run(bench: Bench): Promise<Row[]> {
    const { rounds, connections, cpuBudgetMs } = bench.scale;
    const gathering = new Gathering("direct");
    const rigs = await openAll(bench, bench.contenders, connections);
    for (let round = 0; round < rounds; round++) {
      for (const rig of rigs) {
        bench.progress(`${rig.contender.title}, round ${round + 1} of ${rounds}`);
        const outcome = await rig.publishTicks({ audience: "each-user", perTick: 1, cpuBudgetMs });
        gathering.add(`${connections} users`, rig.contender.name, perDelivery(outcome));
      }
    }
    return gathering.rows();
  },
};
