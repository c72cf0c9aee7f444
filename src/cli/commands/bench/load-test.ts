import { fork } from "node:child_process";
import { writeFile } from "node:fs/promises";
import packageJson from "../../../../package.json" with { type: "json" };
import {
  brokenBounds,
  Caller,
  type Credentials,
  describeTestMachine,
  drawPage,
  fileLimit,
  formatResult,
  type LoadReport,
  type ParsedTarget,
  type Plan,
  parseTarget,
  runScenario,
  type ScenarioResult,
  sourceAddresses,
  type WorkerApi,
} from "../../../loadtest/loadtest.ts";
import { TidingsError } from "../../../protocol/protocol.ts";
import { assertEnough, credentialsOf, tokensOf } from "./credentials.ts";
import type { BenchFlags } from "./flags.ts";
import { assertFiles, planOf, scenariosOf } from "./scenarios.ts";
import { Screen } from "./screen.ts";
import { shownCommand } from "./shown-command.ts";

/** How long the last messages may take without any progress. */
const SETTLE_MS = 5_000;

/** Exit code of a command that the user interrupted. */
const INTERRUPTED = 130;

/**
 * Runs the scenarios that were asked for, and reports them.
 * @throws TidingsError `bad_request` for a target that is not on this machine, and for flags that contradict each other
 */
export async function bench(urls: string[], flags: BenchFlags): Promise<void> {
  const scenarios = scenariosOf(flags);
  const parsed = await Promise.all(
    urls.map((url) => parseTarget(url, flags.raw === true ? undefined : flags.path)),
  );
  assertAllowed(parsed, flags);
  const credentials = await credentialsOf(flags);
  const targets = parsed.map(({ target }) => target);
  const plans = scenarios.map((scenario) => {
    const sources = sourceAddresses(parsed, flags.connections, flags.sources);
    const plan = planOf(scenario, flags, targets, sources);
    assertEnough(credentials, plan);
    assertFiles(plan, fileLimit());
    return plan;
  });
  const abort = new AbortController();
  const stop = (): void => {
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    abort.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
  const results = await runAll({ plans, credentials, flags, signal: abort.signal });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
  await report(
    results,
    targets.map(({ url }) => url),
    flags,
  );
  if (results.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
  else if (abort.signal.aborted) process.exitCode = INTERRUPTED;
}

/** A load test of a server is an attack unless its owner wants it. @throws TidingsError `bad_request` */
function assertAllowed(targets: readonly ParsedTarget[], { iOwnThisServer }: BenchFlags): void {
  const foreign = targets.find(({ isLoopback }) => !isLoopback);
  if (foreign === undefined || iOwnThisServer === true) return;
  throw new TidingsError(
    "bad_request",
    `${foreign.target.url} is not on this machine: a load test of somebody else's server is an attack. If it is yours, pass --i-own-this-server`,
  );
}

interface Runs {
  readonly plans: readonly Plan[];
  readonly credentials: Credentials;
  readonly flags: BenchFlags;
  readonly signal: AbortSignal;
}

async function runAll({ plans, credentials, flags, signal }: Runs): Promise<ScenarioResult[]> {
  const screen = new Screen();
  const results: ScenarioResult[] = [];
  for (const plan of plans) {
    if (signal.aborted) break;
    const found = await runScenario({
      ...{ plan, credentials, apiKey: flags.apiKey, metrics: metricsOf(plan, flags), signal },
      tokensOf,
      start: startWorker,
      onProgress: (progress) => screen.show(plan.scenario, progress),
      everyMs: screen.everyMs,
      settleMs: SETTLE_MS,
    });
    screen.clear();
    const result = { ...found, faults: [...found.faults, ...brokenBounds(found, flags)] };
    results.push(result);
    const text = `${formatResult(result)}\n`;
    if (flags.json === "-") process.stderr.write(text);
    else process.stdout.write(text);
  }
  return results;
}

function metricsOf({ targets }: Plan, { metrics }: BenchFlags): string[] {
  if (metrics === false) return [];
  if (typeof metrics === "string") return [metrics];
  return targets.flatMap(({ http }) => (http === undefined ? [] : [`${http}/metrics`]));
}

const startWorker = (): Promise<Caller<WorkerApi>> =>
  Caller.start<WorkerApi>(
    fork(process.argv[1] ?? "", ["bench-worker"], { stdio: ["ignore", "ignore", "inherit", "ipc"] }),
    "a process of the load tester",
  );

async function report(
  scenarios: readonly ScenarioResult[],
  targets: readonly string[],
  { json, html }: BenchFlags,
): Promise<void> {
  const whole: LoadReport = {
    version: packageJson.version,
    date: new Date().toISOString(),
    command: shownCommand(process.argv.slice(2)),
    machine: describeTestMachine(),
    targets,
    passed: scenarios.every(({ faults }) => faults.length === 0),
    scenarios,
  };
  if (json === "-") process.stdout.write(`${JSON.stringify(whole)}\n`);
  else if (json !== undefined) await write(json, `${JSON.stringify(whole, null, 2)}\n`);
  if (html !== undefined) await write(html, drawPage(whole));
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw new TidingsError("bad_request", `${file}: expected a file that can be written`, { cause });
  }
}
