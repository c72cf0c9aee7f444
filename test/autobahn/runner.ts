import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { needs } from "../support/tools.ts";

const run = promisify(execFile);

const CACHE = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");

/** The runner that scripts/install-python-tools.sh installs. */
export const RUNNER = process.env.AUTOBAHN_RUNNER ?? join(CACHE, "tidings/autobahn/bin/kosoku");

needs(RUNNER);

/** Verdicts of a case that conforms. */
const PASSES = ["OK", "NON-STRICT", "INFORMATIONAL"];

interface Verdict {
  readonly behavior: string;
  readonly behaviorClose: string;
}

export interface Report {
  readonly passed: number;
  /** A line for each case that failed: its number and its verdicts. */
  readonly failed: readonly string[];
}

/**
 * Runs cases of the Autobahn test suite against a server.
 * @param cases numbers with `*` for a group; all without it
 */
export async function runCases(
  url: string,
  { cases = [] as readonly string[], except = [] as readonly string[] } = {},
): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "tidings-autobahn-"));
  try {
    const chosen = [...cases.flatMap((each) => ["-i", each]), ...except.flatMap((each) => ["-x", each])];
    await run(RUNNER, ["-p", "2", "-o", directory, ...chosen, url]).catch(
      (error: { stderr?: string }) => error, // it exits with 1 when a case failed: the report tells which
    );
    return reportOf(JSON.parse(await readFile(join(directory, "index.json"), "utf8")));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function reportOf(agents: Readonly<Record<string, Readonly<Record<string, Verdict>>>>): Report {
  const verdicts = Object.values(agents).flatMap((cases) => Object.entries(cases));
  const failed = verdicts.filter(
    ([, { behavior, behaviorClose }]) => !PASSES.includes(behavior) || !PASSES.includes(behaviorClose),
  );
  return {
    passed: verdicts.length - failed.length,
    failed: failed.map(
      ([number, { behavior, behaviorClose }]) => `${number}: ${behavior}, close ${behaviorClose}`,
    ),
  };
}
