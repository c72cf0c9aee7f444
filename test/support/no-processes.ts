import { syncBuiltinESMExports } from "node:module";

/**
 * Runs before each file of `npm run test:fast`: a test that starts a process fails there, whatever its imports look
 * like.
 */
const processes: Record<string, unknown> = process.getBuiltinModule("node:child_process");

for (const name of ["exec", "execFile", "execFileSync", "execSync", "fork", "spawn", "spawnSync"]) {
  processes[name] = () => {
    throw new Error(`${name}: fast tests start no processes, see test/support/fast-tests.ts`);
  };
}
syncBuiltinESMExports();
