import { Gathering, type Row } from "../../scenario.ts";
import type { Receivers } from "../rig.ts";
import { type ClusterBench, type ClusterScenario, caseOf, openAll, perMessage } from "../scenario.ts";

/** Messages in a turn where clients have sockets, each to another of them. */
const CLIENTS_PER_TICK = 100;

/** The case of a row: how many users, and how many messages are published in a turn of the event loop. */
export const flowCase = (who: string, perTick: number): string => `${who}, ${perTick}/tick`;

/** Messages that are not stored, to users on the other node: as many as go through. */
export const ephemeral: ClusterScenario = {
  name: "ephemeral",
  title: "Ephemeral messages from node A to users on node B: messages/s, CPU per message of each process",
  run: (bench) => throughput(bench, "ephemeral", false),
};

/** Stored messages to users on the other node, each kept in its user's history. */
export const stored: ClusterScenario = {
  name: "stored",
  title: "Stored messages from node A to users on node B: messages/s, CPU per message of each process",
  run: (bench) => throughput(bench, "stored", true),
};

/** To clients on the other node, through its sockets. */
export const sockets: ClusterScenario = {
  name: "sockets",
  title: "The same to clients with sockets on node B, until they have it",
  run: (bench) => throughput(bench, "sockets", undefined),
};

/** Rounds of each contender in turn, for each size of a tick. */
async function throughput(bench: ClusterBench, name: string, isStored: boolean | undefined): Promise<Row[]> {
  const { rounds, seconds, warmSeconds } = bench.scale;
  const hasClients = isStored === undefined;
  // Batches of different sizes differ only without sockets.
  const sizes = hasClients ? [CLIENTS_PER_TICK] : bench.scale.perTick;
  const receivers: Receivers = hasClients ? "clients of B" : "held by B";
  const contenders = bench.contenders.filter(
    (each) => isStored === each.stored || (hasClients && each.serves !== undefined),
  );
  const gathering = new Gathering(name);
  const rigs = await openAll(bench, contenders, receivers);
  for (const perTick of sizes) {
    for (const rig of rigs) await rig.publishFlow({ perTick, seconds: warmSeconds });
    for (let round = 0; round < rounds; round++) {
      for (const rig of rigs) {
        bench.progress(`${rig.contender.title}, ${perTick}/tick, round ${round + 1} of ${rounds}`);
        const outcome = await rig.publishFlow({ perTick, seconds });
        gathering.add(flowCase(caseOf(rig), perTick), rig.contender.name, perMessage(outcome));
      }
    }
  }
  return gathering.rows();
}
