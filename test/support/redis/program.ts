import { execFileSync } from "node:child_process";
import { needs } from "../tools.ts";

/** The server of this machine, which speaks TLS. */
export const SYSTEM_PROGRAM = "redis-server";

/** The server under test: another Redis, or Valkey, by the environment (`npm run test:servers`). */
export const PROGRAM = process.env.REDIS_SERVER ?? SYSTEM_PROGRAM;

needs(PROGRAM);

/** Older ones let scripts write although too few replicas follow (`min-replicas-to-write`). */
export const CHECKS_REPLICAS_IN_SCRIPTS = !versionOf(PROGRAM).startsWith("6.");

function versionOf(program: string): string {
  const line = execFileSync(program, ["--version"], { encoding: "utf8" });
  const version = /\bv=(\S+)/.exec(line)?.[1];
  if (version === undefined) throw new Error(`expected a version in ${JSON.stringify(line)}`);
  return version;
}
