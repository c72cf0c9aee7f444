/**
 * `npm run bench:data`: what it costs to keep messages in SQLite. Stored publishes stand beside a bare loop of `node:sqlite`, which
 * inserts the same rows into the same table at the same batch sizes, by turns. Then the latency of publishes at a steady rate, and
 * logins of users who find their messages there. Targets: 0.7 of the bare loop, p99 of 10 ms at 20,000 a second, 200,000 replayed a second.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureInserts } from "./inserts.ts";
import { measureLatency } from "./latency.ts";
import { measureLogins } from "./logins.ts";

const { values } = parseArgs({
  options: {
    directory: { type: "string", default: tmpdir() },
    messages: { type: "string", default: "40000" },
    rounds: { type: "string", default: "5" },
    rate: { type: "string", default: "20000" },
    seconds: { type: "string", default: "20" },
    users: { type: "string", default: "1000" },
    only: { type: "string" },
  },
});

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(values.directory, "tidings-bench-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const PARTS: Record<string, (directory: string) => Promise<void>> = {
  inserts: (directory) =>
    measureInserts(directory, { messages: Number(values.messages), rounds: Number(values.rounds), print }),
  latency: (directory) =>
    measureLatency(directory, { rate: Number(values.rate), seconds: Number(values.seconds), print }),
  logins: (directory) => measureLogins(directory, { users: Number(values.users), print }),
};

for (const [name, measure] of Object.entries(PARTS)) {
  if (values.only === undefined || values.only === name) await inDirectory(measure);
}
if (process.stdout.writableNeedDrain) await once(process.stdout, "drain");
