import { type Bench, Gathering, openAll, type Row, type Scenario, withoutStored } from "../scenario.ts";

/** Requests in flight per client. */
const DEPTHS = [1, 16] as const;

/**
 * Clients ask, the server answers: `robot.ping` with Tidings, an acknowledged event with Socket.IO, an echo elsewhere.
 */
export const request: Scenario = {
  name: "request",
  title: "Request and reply: requests in flight per connection, CPU per request",
  async run(bench: Bench): Promise<Row[]> {
    const { rounds, requestConnections, requestsPerRound } = bench.scale;
    const gathering = new Gathering("request");
    const rigs = await openAll(bench, withoutStored(bench.contenders), requestConnections);
    for (const rig of rigs) await rig.request(1, 10); // warms up
    for (let round = 0; round < rounds; round++) {
      for (const depth of DEPTHS) {
        for (const rig of rigs) {
          bench.progress(`depth ${depth}, ${rig.contender.title}, round ${round + 1} of ${rounds}`);
          const before = await rig.server.call("usage", { collect: "no" });
          const { replies, elapsedMs } = await rig.request(
            depth,
            Math.ceil(requestsPerRound / requestConnections / depth),
          );
          const after = await rig.server.call("usage", { collect: "no" });
          const cpuUs = (after.cpuUs - before.cpuUs) / replies;
          gathering.add(`depth ${depth}`, rig.contender.name, {
            cpuUs,
            perCoreSecond: 1_000_000 / cpuUs,
            perSecond: (replies / elapsedMs) * 1000,
          });
        }
      }
    }
    return gathering.rows();
  },
};
