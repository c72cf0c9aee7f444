import type { Rig } from "../rig.ts";
import { type Bench, Gathering, MIB, type Row, type Scenario, withoutStored } from "../scenario.ts";

/** Connections that are there before the first look, so that code and pools are not counted. */
const WARM_CONNECTIONS = 500;

/** RSS in bytes: after garbage collection as it is, and with free pages given back to the system. */
async function measure(rig: Rig): Promise<{ collected: number; released: number }> {
  const { rssBytes: collected } = await rig.server.call("usage", { collect: "garbage" });
  const { rssBytes: released } = await rig.server.call("usage", { collect: "release" });
  return { collected, released };
}

/** What a connection that does nothing costs: with Tidings it has a user, a platform and one group. */
export const idle: Scenario = {
  name: "idle",
  title: "Idle connections: RSS per connection after garbage collection",
  async run(bench: Bench): Promise<Row[]> {
    const { manyConnections } = bench.scale;
    const gathering = new Gathering("idle");
    for (const contender of withoutStored(bench.contenders)) {
      bench.progress(`${manyConnections} connections to ${contender.title}`);
      const rig = await bench.open(contender);
      const warm = Math.min(manyConnections, WARM_CONNECTIONS);
      await rig.connect(warm, { group: "g1" });
      const before = await measure(rig);
      await rig.connect(warm + manyConnections, { group: "g1" });
      const after = await measure(rig);
      gathering.add(`${manyConnections} connections`, contender.name, {
        kibPerConnection: (after.released - before.released) / 1024 / manyConnections,
        kibWithReserve: (after.collected - before.collected) / 1024 / manyConnections,
        rssMiB: after.collected / MIB,
      });
      await rig.close();
    }
    return gathering.rows();
  },
};
