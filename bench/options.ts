import { parseArgs } from "node:util";

/** The choices that a bench offers on its command line. */
export interface Choices<Scenario, Contender, Scale> {
  /** Command that starts the bench, for the help text. */
  command: string;
  scenarios: readonly Scenario[];
  contenders: readonly Contender[];
  full: Scale;
  quick: Scale;
  /** The files that a full run writes. */
  files: string;
}

export interface Options<Scenario, Contender, Scale> {
  scenarios: readonly Scenario[];
  contenders: readonly Contender[];
  scale: Scale;
  check: boolean;
  profile: boolean;
  help: boolean;
  /** True if the whole bench runs, so that its results may be published. */
  isWhole: boolean;
}

interface Named {
  name: string;
}

/** The help text. */
export const usageOf = ({
  command,
  scenarios,
  contenders,
  full,
  quick,
  files,
}: Choices<Named, Named, { rounds: number }>) => `Usage: ${command} -- [options]

  --only NAMES       scenarios, with commas: ${scenarios.map(({ name }) => name).join(", ")}
  --against NAMES    contenders, with commas: ${contenders.map(({ name }) => name).join(", ")}
  --quick            less of everything
  --rounds N         rounds of each measurement (default ${full.rounds}; with --quick ${quick.rounds})
  --check            exit with 1 when a promise is not kept
  --profile          write CPU profiles of the Node processes to bench/results/raw/
  --help

A full run writes ${files}; any other writes to bench/results/raw/.`;

/** @throws Error that says what was expected. */
export function parseOptions<
  Scenario extends Named,
  Contender extends Named,
  Scale extends { rounds: number },
>(args: string[], choices: Choices<Scenario, Contender, Scale>): Options<Scenario, Contender, Scale> {
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
  const scale = quick ? choices.quick : choices.full;
  return {
    scenarios: choose("--only", choices.scenarios, only),
    contenders: choose("--against", choices.contenders, against),
    scale: { ...scale, rounds: parseRounds(values.rounds) ?? scale.rounds },
    check,
    profile,
    help,
    isWhole: !quick && !profile && only === undefined && against === undefined,
  };
}

function choose<Choice extends Named>(
  option: string,
  all: readonly Choice[],
  names?: string,
): readonly Choice[] {
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
