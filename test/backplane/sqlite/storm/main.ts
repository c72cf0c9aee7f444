/** `npm run test:storm -- <rounds>`: kills a storm of writes, 50 times by default. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killRounds } from "./rounds.ts";

const rounds = Number(process.argv[2] ?? 50);
const directory = await mkdtemp(join(tmpdir(), "tidings-storm-"));
try {
  const { receipts, problems } = await killRounds(directory, {
    ...{ rounds, most: 30_000 },
    report: (text) => process.stdout.write(`${text}\n`),
  });
  for (const problem of problems.slice(0, 20)) process.stdout.write(`${problem}\n`);
  process.stdout.write(`${rounds} rounds, ${receipts} receipts, ${problems.length} problems\n`);
  if (problems.length > 0) process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true });
}
