import { Gathering, type Row } from "../../scenario.ts";
import { type ClusterBench, type ClusterScenario, caseOf, openAll, perMessage } from "../scenario.ts";

const PER_TICK = 100;

/** Redis commands for messages whose receivers are all clients of the publishing node: there should be none. */
export const local: ClusterScenario = {
  name: "local",
  title: "Local only: messages from node A to clients of node A, and what Redis does meanwhile",
  async run(bench: ClusterBench): Promise<Row[]> {
    const { rounds, seconds, warmSeconds } = bench.scale;
    const gathering = new Gathering("local");
    const contenders = bench.contenders.filter((each) => each.serves !== undefined && !each.stored);
    const rigs = await openAll(bench, contenders, "clients of A");
    for (const rig of rigs) await rig.publishFlow({ perTick: PER_TICK, seconds: warmSeconds });
    for (let round = 0; round < rounds; round++) {
      for (const rig of rigs) {
        const outcome = await rig.publishFlow({ perTick: PER_TICK, seconds });
        const { perSecond, senderUs } = perMessage(outcome);
        const commands = outcome.commands;
        gathering.add(caseOf(rig), rig.contender.name, {
          perSecond,
          senderUs,
          messages: outcome.report.messages,
          commands,
        });
      }
    }
    return gathering.rows();
  },
};
