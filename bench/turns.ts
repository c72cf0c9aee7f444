/**
 * `npm run bench:turns -- --before DIR`: compares this checkout with another one, by turns, so that a machine that gets slower slows both.
 * In each turn the other checkout runs twice: the difference between its two runs is the noise of the machine. See README.md.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { judgeChange } from "./measure/statistics.ts";
import { formatTable, type Results } from "./report/tables.ts";
import { FIGURES, type FigureName } from "./scenario.ts";
import { titleOf } from "./titles.ts";

/** Figures that are a cost: less is better. */
const COSTS: readonly FigureName[] = [
  "cpuUs",
  "senderUs",
  "receiverUs",
  "redisUs",
  "kibPerConnection",
  "p50Ms",
];

/** Ratios of one figure, a value for each turn. */
interface Ratios {
  readonly change: number[];
  readonly noise: number[];
}

const { values } = parseArgs({
  options: {
    before: { type: "string" },
    bench: { type: "string", default: "bench" },
    turns: { type: "string", default: "9" },
    only: { type: "string" },
    against: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});
if (values.before === undefined)
  throw new Error("--before: expected the folder of another checkout, with its node_modules");
const turns = Number(values.turns);
if (!Number.isInteger(turns) || turns < 1) {
  throw new Error(`--turns: expected a whole number from 1, got "${values.turns}"`);
}
if (values.bench !== "bench" && values.bench !== "cluster") {
  throw new Error(`--bench: expected bench or cluster, got "${values.bench}"`);
}
const before = resolve(values.before);
const here = resolve(import.meta.dirname, "..");

/** Runs the bench of a checkout once, and returns its costs by name. */
function run(checkout: string): Map<string, number> {
  const choice = (["only", "against"] as const).flatMap((name) => {
    const chosen = values[name];
    return chosen === undefined ? [] : [`--${name}`, chosen];
  });
  if (values.quick) choice.push("--quick");
  const program = join(checkout, `bench/${values.bench}.ts`);
  execFileSync(process.execPath, [program, "--rounds", "1", ...choice], { cwd: checkout, stdio: "ignore" });
  const file = values.bench === "bench" ? "latest.json" : `${values.bench}.json`;
  const results = JSON.parse(readFileSync(join(checkout, "bench/results/raw", file), "utf8")) as Results; // written by the bench
  return new Map(
    results.rows.flatMap(({ scenario, case: name, contender, figures }) =>
      COSTS.flatMap((cost) => {
        const value = figures[cost]?.median;
        return value === undefined
          ? []
          : [[`${scenario}, ${name}, ${titleOf(contender)}, ${FIGURES[cost]}`, value] as const];
      }),
    ),
  );
}

const ratios = new Map<string, Ratios>();
for (let turn = 1; turn <= turns; turn++) {
  const [first, middle, last] = [before, here, before].map(run);
  for (const [name, value] of middle ?? []) {
    const [one = Number.NaN, other = Number.NaN] = [first?.get(name), last?.get(name)];
    const { change, noise } = ratios.get(name) ?? { change: [], noise: [] };
    change.push(value / ((one + other) / 2));
    noise.push(other / one);
    ratios.set(name, { change, noise });
  }
  console.error(`turn ${turn} of ${turns}`);
}

const percent = (ratio: number): string =>
  `${ratio >= 1 ? "+" : "−"}${(Math.abs(ratio - 1) * 100).toFixed(1)} %`;

const lines = [...ratios].map(([name, { change, noise }]) => {
  const { median, low, high, isSlower } = judgeChange(change, noise);
  if (isSlower) process.exitCode = 1;
  return [name, percent(median), `${percent(low)} … ${percent(high)}`, isSlower ? "SLOWER" : ""];
});
if (lines.length === 0)
  throw new Error("nothing was measured: --only and --against leave no cost to compare");
console.log(formatTable([["", "change", "same code against itself", ""], ...lines]));
