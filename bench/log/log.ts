/**
 * `npm run bench:log`: what the message log costs a stored publish. Hubs in processes of their own publish the same messages by turns: without a log, with a log that writes nothing, with
 * SQLite, with PostgreSQL where `--postgres URL` names a database, and without a log once more, which shows the noise.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { percentile } from "../measure/statistics.ts";
import type { Cost } from "./server.ts";

const { values } = parseArgs({
  options: {
    turns: { type: "string", default: "7" },
    messages: { type: "string", default: "20000" },
    postgres: { type: "string" },
  },
});
const [turns, messages] = [Number(values.turns), Number(values.messages)];
if (!(turns >= 1 && messages >= 1_000)) {
  throw new Error("--turns: expected a whole number from 1; --messages: from 1,000");
}

const SERVER = fileURLToPath(new URL("server.ts", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "tidings-bench-log-"));

/** Targets of the log, by their titles. */
const SUBJECTS: Record<string, string> = {
  "without a log": "off",
  "a log that writes nothing": "nothing",
  SQLite: `sqlite:${join(directory, "log.db")}`,
  ...(values.postgres === undefined ? {} : { PostgreSQL: values.postgres }),
  "without a log, again": "off",
};

async function start(target: string): Promise<ChildProcess> {
  const child = fork(SERVER, [target]);
  await once(child, "message");
  return child;
}

async function publish(child: ChildProcess): Promise<Cost> {
  child.send(messages);
  const [cost] = await once(child, "message");
  return cost;
}

const median = (figures: readonly number[]): number =>
  percentile(
    figures.toSorted((one, other) => one - other),
    0.5,
  );

const subjects = await Promise.all(
  Object.entries(SUBJECTS).map(async ([title, target]) => ({
    title,
    child: await start(target),
    costs: [] as Cost[],
  })),
);
for (const { child } of subjects) await publish(child); // warms up
for (let turn = 0; turn < turns; turn++) {
  for (const { child, costs } of subjects) costs.push(await publish(child));
  console.error(`turn ${turn + 1} of ${turns}`);
}
for (const { child } of subjects) child.kill("SIGKILL");
rmSync(directory, { recursive: true });

console.log("| a stored publish | time | processor, all threads |\n| --- | ---: | ---: |");
for (const { title, costs } of subjects) {
  const us = (name: keyof Cost): string => `${median(costs.map((cost) => cost[name])).toFixed(2)} µs`;
  console.log(`| ${title} | ${us("publishUs")} | ${us("cpuUs")} |`);
}
