import type { ContenderInfo } from "../rig/rig.ts";
import { type Bench, Gathering, MIB, type Row, type Scenario, withoutStored } from "../scenario.ts";

/** Connections opened before the first measurement, so that code and pools are not counted. */
const WARM_CONNECTIONS = 500;

/** The cost of an idle connection. With Tidings it has a user, a platform and one group. */
export const idle: Scenario = {
  name: "idle",
  title: "Idle connections: RSS per connection after garbage collection",
  async run(bench: Bench): Promise<Row[]> {
    const gathering = new Gathering("idle");
    for (const contender of withoutStored(bench.contenders)) {
      bench.progress(`${bench.scale.manyConnections} connections to ${contender.title}`);
      // A server of its own for each: to release pages once makes V8 keep fewer of them from then on.
      const held = await measure(bench, contender, "release");
      const counted = await measure(bench, contender, "garbage");
      gathering.add(`${bench.scale.manyConnections} connections`, contender.name, {
        kibPerConnection: held.kibPerConnection,
        kibWithReserve: counted.kibPerConnection,
        rssMiB: counted.rssMiB,
      });
    }
    return gathering.rows();
  },
};

async function measure(bench: Bench, contender: ContenderInfo, collect: "garbage" | "release") {
  const { manyConnections } = bench.scale;
  const rig = await bench.open(contender);
  const warm = Math.min(manyConnections, WARM_CONNECTIONS);
  await rig.connect(warm, { group: "g1" });
  const before = await rig.server.call("usage", { collect });
  await rig.connect(warm + manyConnections, { group: "g1" });
  const after = await rig.server.call("usage", { collect });
  await rig.close();
  return {
    kibPerConnection: (after.rssBytes - before.rssBytes) / 1024 / manyConnections,
    rssMiB: after.rssBytes / MIB,
  };
}
