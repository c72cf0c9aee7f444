/** `npm run bench`: measures Tidings beside its controls and peers, and judges its promises. See README.md. */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { drawFanout } from "./chart.ts";
import { describeMachine } from "./machine.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { formatScenario, formatVerdicts, type Results } from "./report.ts";
import { runScenario } from "./run.ts";
import { fitTo } from "./scale.ts";
import type { Row } from "./scenario.ts";
import { judge } from "./targets.ts";

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

async function main({
  scenarios,
  contenders,
  scale: wanted,
  check,
  profile,
  isWhole,
}: Options): Promise<void> {
  const machine = describeMachine();
  const scale = fitTo(machine.fileLimit, wanted);
  const profileTo = profile ? pathOf("results/raw") : undefined;
  console.log(
    `${machine.cpu}, ${machine.cores} cores, ${machine.kernel}, Node ${machine.node}, Bun ${machine.bun}\n`,
  );
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    const progress = (text: string) => showProgress(`${scenario.name}: ${text}`);
    rows.push(...(await runScenario(scenario, { scale, contenders, progress, profileTo })));
    showProgress("");
    console.log(formatScenario(scenario, rows));
  }
  const verdicts = judge(rows, scale);
  console.log(formatVerdicts(verdicts));
  const results = {
    date: new Date().toISOString(),
    scale: scale.name,
    rounds: scale.rounds,
    machine,
    rows,
    verdicts,
  };
  write(results, isWhole, scale.connections);
  if (check && verdicts.some(({ pass, measured }) => !pass && !Number.isNaN(measured))) process.exitCode = 1;
}

/** A partial run must not replace the published figures. */
function write(results: Results, isWhole: boolean, connections: number): void {
  const directory = pathOf(isWhole ? "results" : "results/raw");
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/latest.json`, `${JSON.stringify(results, null, 2)}\n`);
  if (results.rows.some(({ scenario }) => scenario === "fanout")) {
    writeFileSync(`${directory}/fanout.svg`, drawFanout(results, connections));
  }
}

/** One line on a terminal that is overwritten; nothing where output is kept. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
