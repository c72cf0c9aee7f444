import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";

/**
 * Runs broken handshakes for as long as one likes: `npm run test:handshakes -- --minutes 10`, and again with the
 * `--seed` and `--from` that a failure prints.
 */
const { values } = parseArgs({
  options: { minutes: { type: "string" }, seed: { type: "string" }, from: { type: "string" } },
});

const env = {
  ...process.env,
  HANDSHAKES_MINUTES: values.minutes,
  HANDSHAKES_SEED: values.seed,
  HANDSHAKES_FROM: values.from,
};
const vitest = join(import.meta.dirname, "../../../node_modules/vitest/vitest.mjs");
const child = spawn(process.execPath, [vitest, "run", "test/hostile/handshakes/handshakes.test.ts"], {
  env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)),
  stdio: "inherit",
});
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
