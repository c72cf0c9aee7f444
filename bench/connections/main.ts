/**
 * `npm run bench:connections`: many connections in one process, over sockets in its own memory. From the upgrade on it is the code that serves real
 * clients; a limit of files does not bind it. Memory by parts, connects, heartbeats, broadcasts, requests meanwhile, and the end of all. See
 * README.md.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { freemem, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeMachine, startStolenMeter } from "../measure/machine.ts";
import { formatMachine, formatVerdicts } from "../report/tables.ts";
import { formatConnections, judgeConnections, measureConnections, type Plan } from "./connections.ts";

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "100000" },
    broadcasts: { type: "string", default: "10" },
    /** Memory at which a run is given up, in GiB. */
    "max-rss": { type: "string", default: "20" },
    profile: { type: "boolean", default: false },
  },
});

const RAW = fileURLToPath(new URL("../results/raw/", import.meta.url));

/** The defaults of a hub. */
const TIMES = { heartbeatS: 30, timeoutS: 60, graceMs: 5_000 };

const plan: Plan = {
  connections: whole("connections", 100),
  times: TIMES,
  // Two intervals, and so long that every connection that was not heard is closed.
  quietMs: (TIMES.timeoutS + 5) * 1_000,
  broadcasts: whole("broadcasts", 1),
  maxRssBytes: whole("max-rss", 1) * 2 ** 30,
};

function whole(name: keyof typeof values, least: number): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${name}: expected a whole number from ${least}, got "${values[name]}"`);
}

mkdirSync(RAW, { recursive: true });
const machine = describeMachine();
const before = { load: loadavg(), freeMiB: Math.round(freemem() / 2 ** 20) };
const stolen = startStolenMeter();
console.log(`${formatMachine(machine)}\n`);
const result = await measureConnections(plan, {
  say: (what) => console.error(what),
  profileTo: values.profile ? RAW : undefined,
});
const verdicts = judgeConnections(result);
const around = { before, after: { load: loadavg() }, stolenPercent: stolen() };
console.log(`${formatConnections(result)}\n`);
console.log(formatVerdicts(verdicts));
const file = `${RAW}connections-${plan.connections}.json`;
writeFileSync(
  file,
  `${JSON.stringify({ date: new Date().toISOString(), machine, around, ...result, verdicts }, null, 2)}\n`,
);
process.exitCode = verdicts.some(({ pass, measured }) => !pass && !Number.isNaN(measured)) ? 1 : 0;
