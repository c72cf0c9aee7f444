import { parseArgs } from "node:util";
import { CONTENDERS, type ContenderInfo } from "./contenders.ts";
import { SCENARIOS } from "./run.ts";
import { FULL, QUICK, type Scale } from "./scale.ts";
import type { Scenario } from "./scenario.ts";

export const USAGE = `Usage: npm run bench -- [options]

  --only NAMES       scenarios, with commas: ${SCENARIOS.map(({ name }) => name).join(", ")}
  --against NAMES    servers, with commas: ${CONTENDERS.map(({ name }) => name).join(", ")}
  --quick            less of everything, under a minute
  --rounds N         rounds of each measurement (default ${FULL.rounds}; with --quick ${QUICK.rounds})
  --check            exit with 1 when a promise is not kept
  --profile          write CPU profiles of the Node servers to bench/results/raw/
  --help

A full run writes bench/results/latest.json and fanout.svg; any other writes to bench/results/raw/.`;

export interface Options {
  scenarios: readonly Scenario[];
  contenders: readonly ContenderInfo[];
  scale: Scale;
  check: boolean;
  profile: boolean;
  help: boolean;
  /** Whether the results are those of the whole bench, fit to be published. */
  isWhole: boolean;
}

/** @throws Error that says what was expected. */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string" },
      against: { type: "string" },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      check: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { only, against, quick, check, profile, help } = values;
  const scale = quick ? QUICK : FULL;
  return {
    scenarios: choose("--only", SCENARIOS, only),
    contenders: choose("--against", CONTENDERS, against),
    scale: { ...scale, rounds: parseRounds(values.rounds) ?? scale.rounds },
    check,
    profile,
    help,
    isWhole: !quick && !profile && only === undefined && against === undefined,
  };
}

function choose<Named extends { name: string }>(
  option: string,
  all: readonly Named[],
  names?: string,
): readonly Named[] {
  const wanted = names?.split(",").map((name) => name.trim());
  const unknown = wanted?.find((name) => all.every((one) => one.name !== name));
  if (unknown === undefined) return wanted ? all.filter(({ name }) => wanted.includes(name)) : all;
  throw new Error(
    `${option}: there is no "${unknown}"; expected some of ${all.map(({ name }) => name).join(", ")}`,
  );
}

function parseRounds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds > 0) return rounds;
  throw new Error(`--rounds: expected a whole number from 1, got "${text}"`);
}
