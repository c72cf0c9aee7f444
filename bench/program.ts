import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describeMachine, type Machine } from "./measure/machine.ts";
import { type Choices, parseOptions, usageOf } from "./options.ts";
import {
  formatMachine,
  formatScenario,
  formatVerdicts,
  type Results,
  showProgress,
} from "./report/tables.ts";
import type { Verdict } from "./report/targets.ts";
import type { Row } from "./scenario.ts";

interface AnyScenario {
  name: string;
  title: string;
}

interface AnyScale {
  name: string;
  rounds: number;
}

/** Options of every scenario of a run. */
export interface RunOptions<Contender, Scale> {
  scale: Scale;
  contenders: readonly Contender[];
  /** Says what is being done. */
  progress: (text: string) => void;
  /** Writes a CPU profile of each Node process under test into this directory. */
  profileTo?: string;
}

/** A bench that is started from a command line. */
export interface Program<Scenario, Contender, Scale> extends Choices<Scenario, Contender, Scale> {
  /** The name of the file with the results. */
  file: string;
  /** Takes away what this machine cannot do. */
  fit(scale: Scale, machine: Machine): Scale;
  run(scenario: Scenario, options: RunOptions<Contender, Scale>): Promise<Row[]>;
  judge(rows: readonly Row[], scale: Scale): Verdict[];
  /** Writes files beside the results, a chart for example. */
  write?(results: Results, directory: string, scale: Scale): void;
}

/** Runs what the command line asks for, prints it, judges it, and writes it down. */
export async function runProgram<
  Scenario extends AnyScenario,
  Contender extends { name: string },
  Scale extends AnyScale,
>(args: string[], program: Program<Scenario, Contender, Scale>): Promise<void> {
  try {
    const options = parseOptions(args, program);
    if (options.help) console.log(usageOf(program));
    else await measure(options, program);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function measure<Scenario extends AnyScenario, Contender, Scale extends AnyScale>(
  options: ReturnType<typeof parseOptions<Scenario & { name: string }, Contender & { name: string }, Scale>>,
  program: Program<Scenario, Contender, Scale>,
): Promise<void> {
  const machine = describeMachine();
  const scale = program.fit(options.scale, machine);
  const profileTo = options.profile ? pathOf("results/raw") : undefined;
  console.log(`${formatMachine(machine)}\n`);
  const rows: Row[] = [];
  for (const scenario of options.scenarios) {
    const progress = (text: string) => showProgress(`${scenario.name}: ${text}`);
    rows.push(
      ...(await program.run(scenario, { scale, contenders: options.contenders, progress, profileTo })),
    );
    showProgress("");
    console.log(formatScenario(scenario, rows));
  }
  const verdicts = program.judge(rows, scale);
  console.log(formatVerdicts(verdicts));
  const date = new Date().toISOString();
  const results = { date, scale: scale.name, rounds: scale.rounds, machine, rows, verdicts };
  // A partial run must not replace the published figures.
  const directory = pathOf(options.isWhole ? "results" : "results/raw");
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/${program.file}`, `${JSON.stringify(results, null, 2)}\n`);
  program.write?.(results, directory, scale);
  const isBroken = verdicts.some(({ pass, measured }) => !pass && !Number.isNaN(measured));
  if (options.check && isBroken) process.exitCode = 1;
}

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
