import type { RunOptions } from "../program.ts";
import type { Row } from "../scenario.ts";
import type { ClusterContender } from "./contenders.ts";
import { BenchRedis } from "./redis.ts";
import { ClusterRig } from "./rig.ts";
import type { ClusterScale } from "./scale.ts";
import type { ClusterScenario } from "./scenario.ts";
import { latency } from "./scenarios/latency.ts";
import { local } from "./scenarios/local.ts";
import { ephemeral, sockets, stored } from "./scenarios/throughput.ts";

export const CLUSTER_SCENARIOS: readonly ClusterScenario[] = [ephemeral, stored, sockets, local, latency];

/** Runs one scenario on a Redis of its own, and ends every process that it started, whatever happens. */
export async function runClusterScenario(
  scenario: ClusterScenario,
  { profileTo, ...options }: RunOptions<ClusterContender, ClusterScale>,
): Promise<Row[]> {
  const redis = await BenchRedis.start();
  const rigs: ClusterRig[] = [];
  try {
    return await scenario.run({
      ...options,
      redis,
      async open(contender, users, receivers) {
        const rig = await ClusterRig.open({ contender, redis, users, receivers, profileTo });
        rigs.push(rig);
        return rig;
      },
    });
  } finally {
    await Promise.all(rigs.map((rig) => rig.close()));
    await redis.stop();
  }
}
