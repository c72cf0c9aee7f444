import { atLeast, atMost, type Verdict } from "../report/targets.ts";
import type { FigureName, Row, RowName } from "../scenario.ts";
import type { ClusterScale } from "./scale.ts";
import { caseOf } from "./scenario.ts";
import { flowCase } from "./scenarios/throughput.ts";

const RATE = "messages/s between two nodes, a core for each process";

/** Judges a run of the cluster's bench. */
export function judgeCluster(rows: readonly Row[], { users, sockets, perTick }: ClusterScale): Verdict[] {
  const held = caseOf({ users, hasClients: false });
  const clients = caseOf({ users: sockets, hasClients: true });
  const most = Math.max(...perTick);
  const figure = (scenario: string, name: string, contender: RowName, of: FigureName) =>
    rows.find((row) => row.scenario === scenario && row.case === name && row.contender === contender)
      ?.figures[of];
  const rate = (scenario: string, contender: RowName): number =>
    figure(scenario, flowCase(held, most), contender, "perCoreSecond")?.median ?? Number.NaN;
  const delay = (name: string, contender: RowName, of: FigureName): number =>
    figure("latency", name, contender, of)?.median ?? Number.NaN;
  return [
    atLeast(`ephemeral ${RATE}, backplane`, 1e6, rate("ephemeral", "tidings-backplane")),
    atLeast(`ephemeral ${RATE}, hub, one to many users`, 1e6, rate("ephemeral", "tidings-hub-users")),
    atLeast(`ephemeral ${RATE}, hub, one by one`, 1e6, rate("ephemeral", "tidings-hub")),
    atLeast(`stored ${RATE}, backplane`, 250e3, rate("stored", "tidings-backplane-stored")),
    atLeast(`stored ${RATE}, hub, one to many users`, 250e3, rate("stored", "tidings-hub-users-stored")),
    atLeast(`stored ${RATE}, hub, one by one`, 250e3, rate("stored", "tidings-hub-stored")),
    atMost(
      "commands in Redis for messages that stay on their node",
      0,
      figure("local", clients, "tidings-hub", "commands")?.high ?? Number.NaN,
    ),
    atMost("latency to the other node at half of one core, p50 ms", 1, delay(held, "tidings-hub", "p50Ms")),
    atMost("latency to the other node at half of one core, p99 ms", 5, delay(held, "tidings-hub", "p99Ms")),
    atMost("latency to its clients at half of one core, p99 ms", 5, delay(clients, "tidings-hub", "p99Ms")),
  ];
}
