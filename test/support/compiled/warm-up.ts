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
  "chat/chat.ts",
  "create-hub.ts",
  "index.ts",
];

/** Fills the cache before the tests: Node writes to it when a process exits, and most of those under test are killed. */
export default async function warmUp(): Promise<void> {
  const imports = ENTRIES.map((entry) => `import ${JSON.stringify(join(REPOSITORY, "src", entry))};`);
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", imports.join("\n")], {
    env: { ...process.env, ...COMPILED },
  });
}
