import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { REPOSITORY } from "../repository.ts";
import { COMPILED } from "./compiled.ts";

/** What `tidings serve` loads, also what it loads late. */
const ENTRIES = [
  "cli/commands/commands.ts",
  "cli/workers/supervisor.ts",
  "cli/serving.ts",
  "cli/commands/bench/load-test.ts",
  "chat/chat.ts",
  "create-hub.ts",
  "index.ts",
];

/** Flags of V8 with which tests start hubs: compiled code counts for those that it was made with. */
const FLAGS = [[], ["--expose-gc"]];

/** Fills the cache before the tests: Node writes to it when a process exits, and most of those under test are killed. */
export default async function warmUp(): Promise<void> {
  const imports = ENTRIES.map((entry) => `import ${JSON.stringify(join(REPOSITORY, "src", entry))};`);
  const args = ["--input-type=module", "--eval", imports.join("\n")];
  const env = { ...process.env, ...COMPILED };
  await Promise.all(
    FLAGS.map((flags) => promisify(execFile)(process.execPath, [...flags, ...args], { env })),
  );
}
