/** `npm run bench:cluster`: two nodes with a Redis between them, beside a control and a peer. See README.md. */
import { CLUSTER_CONTENDERS } from "./cluster/contenders.ts";
import { CLUSTER_SCENARIOS, runClusterScenario } from "./cluster/run.ts";
import { FULL, QUICK } from "./cluster/scale.ts";
import { judgeCluster } from "./cluster/targets.ts";
import { runProgram } from "./program.ts";

await runProgram(process.argv.slice(2), {
  command: "npm run bench:cluster",
  scenarios: CLUSTER_SCENARIOS,
  contenders: CLUSTER_CONTENDERS,
  full: FULL,
  quick: QUICK,
  file: "cluster.json",
  files: "bench/results/cluster.json",
  fit: (scale) => scale,
  run: runClusterScenario,
  judge: judgeCluster,
});
