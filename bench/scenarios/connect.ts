import { type Bench, Gathering, openAll, type Row, type Scenario, withoutStored } from "../scenario.ts";

/** Handshakes in flight at most. */
const CONCURRENCY = 100;

/** Clients arrive: TCP, HTTP upgrade, login and the first frames. */
export const connect: Scenario = {
  name: "connect",
  title: "Connect rate: CPU per handshake, login included",
  async run(bench: Bench): Promise<Row[]> {
    const { rounds, handshakesPerRound } = bench.scale;
    const gathering = new Gathering("connect");
    const rigs = await openAll(bench, withoutStored(bench.contenders), handshakesPerRound);
    for (let round = 0; round < rounds; round++) {
      for (const rig of rigs) {
        bench.progress(`${rig.contender.title}, round ${round + 1} of ${rounds}`);
        await rig.disconnect();
        await rig.server.call("usage", { collect: "garbage" }); // meanwhile the server notices the closed connections
        const before = await rig.server.call("usage", { collect: "no" });
        const { elapsedMs } = await rig.connect(handshakesPerRound, { concurrency: CONCURRENCY });
        const after = await rig.server.call("usage", { collect: "no" });
        const cpuUs = (after.cpuUs - before.cpuUs) / handshakesPerRound;
        gathering.add(`${CONCURRENCY} at once`, rig.contender.name, {
          cpuUs,
          perCoreSecond: 1_000_000 / cpuUs,
          perSecond: (handshakesPerRound / elapsedMs) * 1000,
        });
      }
    }
    return gathering.rows();
  },
};
