import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { checkData } from "../../../../src/backplane/backplane.ts";

const PROGRAM = join(import.meta.dirname, "program.ts");

/** Runs the storm on a directory, kills it at a random moment, and returns the receipts that it had printed. */
async function storm(directory: string, most: number): Promise<string[]> {
  const child = spawn(process.execPath, [PROGRAM, directory], { stdio: ["ignore", "pipe", "inherit"] });
  const receipts: string[] = [];
  const enough = 1 + Math.floor(Math.random() * most);
  const lines = createInterface(child.stdout);
  lines.on("line", (line) => {
    if (line !== "started") receipts.push(line);
    if (receipts.length === enough) child.kill("SIGKILL");
  });
  const [[, signal]] = await Promise.all([once(child, "exit"), once(lines, "close")]);
  if (signal !== "SIGKILL") throw new Error(`the storm ended by itself: ${child.exitCode}`);
  return receipts;
}

/** Lists the receipts that the file does not have. */
function missing(directory: string, receipts: readonly string[]): string[] {
  const db = new DatabaseSync(join(directory, "tidings.db"), { readOnly: true });
  try {
    const rows = db.prepare(
      `SELECT name || ' ' || epoch || ' ' || offset || ' ' || message AS receipt FROM channels JOIN
        (SELECT history, offset, id AS message FROM messages UNION ALL SELECT history, offset, id FROM unsettled)
        USING (history)`,
    );
    const found = new Set(rows.all().map(({ receipt }) => String(receipt)));
    return receipts.filter((receipt) => !found.has(receipt));
  } finally {
    db.close();
  }
}

/**
 * Kills a storm of writes again and again, always on the same file. After each round the file must open, its offsets must have no hole
 * and no repeat, and every publish with a receipt of any round must be there.
 * @param most receipts of a run after which it is killed at the latest; checkpoints begin with some 16,000 changes
 * @returns what was wrong, and the number of receipts
 */
export async function killRounds(
  directory: string,
  { rounds, most, report }: { rounds: number; most: number; report?: (text: string) => void },
) {
  const receipts: string[] = [];
  const problems: string[] = [];
  for (let round = 1; round <= rounds; round++) {
    receipts.push(...(await storm(directory, most)));
    const { messages, problems: found } = checkData(directory);
    const lost = missing(directory, receipts);
    problems.push(...found, ...lost.map((receipt) => `missing: ${receipt}`));
    report?.(
      `round ${round}: ${receipts.length} receipts, ${messages} messages, ${problems.length} problems`,
    );
  }
  return { receipts: receipts.length, problems };
}
