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

/** The runner ended the connection, because the server had not within a second. */
const OVERDUE = "FAILED BY CLIENT";

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
 * Runs cases of the Autobahn test suite against a server. The second that they give a server to close is too short on a machine that runs
 * other tests: cases that fail by it alone run again by themselves. A server that does not close fails there too.
 * @param cases numbers with `*` for a group; all without it
 */
export async function runCases(
  url: string,
  { cases = [] as readonly string[], except = [] as readonly string[] } = {},
): Promise<Report> {
  const first = await runOnce(url, cases, except);
  const isLate = ({ behavior, behaviorClose }: Verdict): boolean =>
    PASSES.includes(behavior) && behaviorClose === OVERDUE;
  const late = Object.keys(first).filter((number) => isLate(first[number] as Verdict)); // of its own key
  return reportOf(late.length === 0 ? first : { ...first, ...(await runOnce(url, late, [])) });
}

/** @returns the verdicts by the numbers of the cases */
async function runOnce(
  url: string,
  cases: readonly string[],
  except: readonly string[],
): Promise<Readonly<Record<string, Verdict>>> {
  const directory = await mkdtemp(join(tmpdir(), "tidings-autobahn-"));
  try {
    const chosen = [...cases.flatMap((each) => ["-i", each]), ...except.flatMap((each) => ["-x", each])];
    await run(RUNNER, ["-p", "2", "-o", directory, ...chosen, url]).catch(
      (error: { stderr?: string }) => error, // it exits with 1 when a case failed: the report tells which
    );
    const agents: Record<string, Record<string, Verdict>> = JSON.parse(
      await readFile(join(directory, "index.json"), "utf8"),
    );
    return Object.assign({}, ...Object.values(agents));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function reportOf(verdicts: Readonly<Record<string, Verdict>>): Report {
  const failed = Object.entries(verdicts).filter(
    ([, { behavior, behaviorClose }]) => !PASSES.includes(behavior) || !PASSES.includes(behaviorClose),
  );
  return {
    passed: Object.keys(verdicts).length - failed.length,
    failed: failed.map(
      ([number, { behavior, behaviorClose }]) => `${number}: ${behavior}, close ${behaviorClose}`,
    ),
  };
}
