/** `npm run bench`: measures Tidings beside its controls and peers, and judges its promises. See README.md. */
import { writeFileSync } from "node:fs";
import { runProgram } from "./program.ts";
import { drawFanout } from "./report/chart.ts";
import { judge } from "./report/targets.ts";
import { CONTENDERS } from "./rig/rig.ts";
import { runScenario, SCENARIOS } from "./run.ts";
import { FULL, fitTo, QUICK } from "./scale.ts";

await runProgram(process.argv.slice(2), {
  command: "npm run bench",
  scenarios: SCENARIOS,
  contenders: CONTENDERS,
  full: FULL,
  quick: QUICK,
  file: "latest.json",
  files: "bench/results/latest.json and fanout.svg",
  fit: (scale, { fileLimit }) => fitTo(fileLimit, scale),
  run: runScenario,
  judge,
  write(results, directory, { connections }) {
    if (results.rows.every(({ scenario }) => scenario !== "fanout")) return;
    writeFileSync(`${directory}/fanout.svg`, drawFanout(results, connections));
  },
});
