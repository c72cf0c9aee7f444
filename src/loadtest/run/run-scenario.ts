import { machineUs } from "../measure/clock.ts";
import { clientsOf, type Plan } from "../plan.ts";
import type { ScenarioResult } from "../result.ts";
import { ServerWatch } from "../server/server.ts";
import { shownUrl } from "../target.ts";
import type { Credentials } from "../worker/api.ts";
import type { TokensOf } from "../worker/load-worker.ts";
import { Course, type Progress } from "./course.ts";
import { resultOf } from "./outcome.ts";
import { Probe, type Waits } from "./probe.ts";
import { type WorkerPort, Workers } from "./workers.ts";

export interface RunOptions {
  readonly plan: Plan;
  readonly credentials: Credentials;
  /** Makes what signs tokens, for the client of the probe. */
  readonly tokensOf: TokensOf;
  readonly apiKey?: string | undefined;
  /** URLs of the servers' metrics. Empty: they are not read. */
  readonly metrics: readonly string[];
  /** Starts a process of the load tester. */
  readonly start: () => Promise<WorkerPort>;
  /** Ends the run early; its figures are those until then. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** Interval of the live figures. */
  readonly everyMs: number;
  /** How long the last messages may take without any progress. */
  readonly settleMs: number;
}

/** Time between the order to send and the first message: all processes have it by then. */
const LEAD_US = 100_000;

/** Pause between two looks at what is missing. */
const SETTLE_STEP_MS = 100;

/** How long the last messages may take after an interruption. */
const ABORTED_SETTLE_MS = 1_000;

/** The longest time that the last messages may take. */
const MOST_SETTLE_MS = 60_000;

/** Runs one scenario in processes of its own. */
export async function runScenario(options: RunOptions): Promise<ScenarioResult> {
  const { plan, credentials, apiKey, metrics, start } = options;
  const workers = await Workers.start(plan.workers, start);
  const originUs = machineUs();
  const now = (): number => (machineUs() - originUs) / 1_000;
  const servers = metrics.map(
    (url, index) => new ServerWatch(plan.targets[index]?.url ?? shownUrl(url), url, apiKey, now),
  );
  await workers.prepare({ plan, originUs, credentials, apiKey });
  const course = new Course({
    workers,
    servers,
    wanted: clientsOf(plan),
    everyMs: options.everyMs,
    now,
    onProgress: options.onProgress,
  });
  const onAbort = (): void => void workers.stop().catch(() => undefined); // a dead process ends the run by itself
  options.signal.addEventListener("abort", onAbort);
  try {
    return await lead({ options, workers, course, servers, now });
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    course.stop();
    await workers.close();
  }
}

interface Led {
  readonly options: RunOptions;
  readonly workers: Workers;
  readonly course: Course;
  readonly servers: readonly ServerWatch[];
  readonly now: () => number;
}

async function lead(led: Led): Promise<ScenarioResult> {
  const { options, workers, course, servers, now } = led;
  const { plan, signal } = options;
  const readAll = (moment: "before" | "connected" | "after") =>
    Promise.all(servers.map((server) => server.read(moment)));
  await readAll("before");
  const began = now();
  course.enter("connecting", () => 0);
  if (!signal.aborted) await workers.connect(now() * 1_000 + LEAD_US);
  const rampMs = now() - began - LEAD_US / 1_000;
  await readAll("connected");
  const { cpuUs: cpuBefore, totals } = await workers.look();
  const beganToSend = now();
  const waits = !signal.aborted && totals.opened > 0 ? await act(led) : undefined;
  const sendMs = now() - beganToSend;
  const cpuPercent = ((await workers.look()).cpuUs - cpuBefore) / 10 / Math.max(1, sendMs);
  course.enter("settling", () => 1);
  await settle(led);
  await course.end();
  await readAll("after");
  const tallies = await workers.tallies();
  await workers.disconnect();
  const tester = { workers: plan.workers, cpuPercent, loopMs: course.loopMs };
  return resultOf({
    ...{ plan, tallies, rampMs, sendMs, tester, waits, interrupted: signal.aborted },
    series: course.series.points(),
    servers: servers.map((server) => server.report(clientsOf(plan))),
  });
}

/** Acts as the scenario says, after all clients are connected. @returns how long others waited meanwhile */
async function act(led: Led): Promise<Waits | undefined> {
  const { options, now } = led;
  const { plan, signal, settleMs } = options;
  const probe = plan.scenario === "connect" ? undefined : await Probe.open({ ...options, now });
  const fromMs = now() + LEAD_US / 1_000;
  probe?.start(fromMs);
  await sendFrom(led, fromMs);
  return probe?.end(settleMs, signal.aborted);
}

async function sendFrom({ options, workers, course, now }: Led, fromMs: number): Promise<void> {
  const { plan, signal } = options;
  const share = (): number => (now() - fromMs) / plan.durationMs;
  if (plan.scenario === "connect") return;
  course.enter(plan.scenario === "idle" ? "waiting" : "sending", share);
  if (plan.scenario === "idle") return pause(fromMs + plan.durationMs - now(), signal);
  const sending = workers.send(fromMs * 1_000);
  // The cut comes after a third, so that messages go before, during and after it.
  const storm = plan.scenario === "storm" ? workers.storm((fromMs + plan.durationMs / 3) * 1_000) : undefined;
  await Promise.all([sending, storm]);
  // The last message is sent an interval before the end, and rates are of the whole time.
  if (!signal.aborted) await pause(fromMs + plan.durationMs - now(), signal);
}

/** Waits for the last answers and messages, while any come. */
async function settle({ options, workers, now }: Led): Promise<void> {
  const settleMs = options.signal.aborted ? Math.min(ABORTED_SETTLE_MS, options.settleMs) : options.settleMs;
  const until = now() + MOST_SETTLE_MS;
  const wait = async (count: () => Promise<number>): Promise<void> => {
    let [least, since] = [Number.POSITIVE_INFINITY, now()];
    for (
      let left = await count();
      left > 0 && now() - since < settleMs && now() < until;
      left = await count()
    ) {
      if (left < least) [least, since] = [left, now()];
      await pause(SETTLE_STEP_MS);
    }
  };
  await wait(async () => (await workers.look()).pending);
  await workers.expect(await workers.sent());
  await wait(() => workers.missing());
}

/** @param ms until a moment, which may be past on a busy machine */
const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, ms));
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
