import { parseArgs } from "node:util";
import { faultsOn } from "./faults/faults.ts";
import { KINDS, type Kind } from "./redis/kind.ts";
import { type RoundResult, runRound } from "./round.ts";

const USAGE = `npm run chaos -- [--on single|sentinel|cluster] [--minutes n] [--seed n] [--steps n] [--faults a,b] [--quiet]

Runs random faults against three nodes and their Redis in rounds, each from a seed of its own, until the minutes are over.
Ends with 1 after the first round that lost, doubled or reordered a message, or left somebody deaf or a ghost.`;

const { values } = parseArgs({
  options: {
    on: { type: "string", default: "single" },
    minutes: { type: "string", default: "2" },
    seed: { type: "string" },
    steps: { type: "string", default: "6" },
    faults: { type: "string" },
    quiet: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const fail = (message: string): never => {
  console.error(message);
  process.exit(2);
};

function numberOf(name: "minutes" | "seed" | "steps", text: string): number {
  const number = Number(text);
  return Number.isFinite(number) && number >= 0
    ? number
    : fail(`--${name}: expected a number, not "${text}"`);
}

const isKind = (text: string): text is Kind => (KINDS as readonly string[]).includes(text);

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const kind = isKind(values.on) ? values.on : fail(`--on: expected ${KINDS.join(", ")}, not "${values.on}"`);
const faults = faultsOn(kind, values.faults?.split(","));
const steps = numberOf("steps", values.steps);
const until = Date.now() + numberOf("minutes", values.minutes) * 60_000;
const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : numberOf("seed", values.seed);

function report(seed: number, { breaches, confirmed, unknown, losses, plan, output }: RoundResult): void {
  const counts = `${confirmed} confirmed, ${unknown} unknown, ${losses} losses told`;
  console.log(`seed ${seed}: ${counts}, ${breaches.length} breaches`);
  if (breaches.length === 0) return;
  console.log(breaches.slice(0, 40).join("\n"));
  console.log(`plan: ${JSON.stringify(plan, null, 1)}`);
  console.log(`output of the nodes:\n${output}`);
  const only = values.faults === undefined ? "" : ` --faults ${values.faults}`;
  console.log(`again: npm run chaos -- --on ${kind} --seed ${seed} --minutes 0 --steps ${steps}${only}`);
}

for (let seed = first; seed === first || Date.now() < until; seed++) {
  console.log(`seed ${seed} on ${kind}`);
  const startedAt = Date.now();
  const result = await runRound({
    kind,
    seed,
    steps,
    faults,
    onStep: (lane, { fault, forMs }) => {
      const at = ((Date.now() - startedAt) / 1_000).toFixed(1);
      if (!values.quiet) console.log(`  ${at} s, ${lane}: ${fault} for ${forMs} ms`);
    },
  });
  report(seed, result);
  if (result.breaches.length > 0) process.exit(1);
}
process.exit(0);
