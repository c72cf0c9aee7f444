import { setTimeout as sleep } from "node:timers/promises";
import type { PacedPlan, PublishReport, TickPlan } from "./api.ts";
import { machineUs } from "./clock.ts";
import type { Contender } from "./host.ts";
import { LoopWatch } from "./loop-watch.ts";
import type { PaceServer } from "./pace.ts";

/** Make a message 100–125 bytes of JSON with its envelope; that of a single user names the user, twice. */
const TEXT = "0123456789abcdef";
const SHORT_TEXT = TEXT.slice(0, 8);
/** The first tick pays for memory that the later ones use again. */
const WARM_TICKS = 1;

type Metered = Pick<PublishReport, "cpuUs" | "kernelPercent" | "elapsedMs">;

/** CPU time and wall time from here on. */
function startMeter(): () => Metered {
  const cpu = process.cpuUsage();
  const began = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    const cpuUs = user + system;
    return { cpuUs, kernelPercent: (100 * system) / cpuUs, elapsedMs: performance.now() - began };
  };
}

/** Publishes as {@link TickPlan} says. */
export async function publishTicks(
  contender: Contender,
  pace: PaceServer,
  plan: TickPlan,
): Promise<PublishReport> {
  const watch = plan.watchLoop ? new LoopWatch() : undefined;
  const longestTurnsMs: number[] = [];
  pace.reset();
  let meter = startMeter();
  let tick = 0;
  const isDone = (): boolean => {
    const measured = tick - WARM_TICKS;
    if (measured < plan.minTicks) return false;
    return measured >= plan.maxTicks || meter().cpuUs >= plan.cpuBudgetMs * 1000;
  };
  while (!isDone()) {
    watch?.takeLongestMs();
    publishTick(contender, plan, tick++);
    await pace.reach(tick + 1 - plan.depth, plan.receivers);
    if (tick === WARM_TICKS) meter = startMeter();
    else if (watch) longestTurnsMs.push(watch.takeLongestMs());
  }
  await pace.reach(tick, plan.receivers);
  const measured = meter();
  watch?.stop();
  const messages = tick * plan.perTick * (plan.audience === "everyone" ? 1 : plan.users);
  return {
    ticks: tick - WARM_TICKS,
    messages,
    ...measured,
    rssBytes: process.memoryUsage.rss(),
    longestTurnsMs,
  };
}

function publishTick(
  contender: Contender,
  { audience, perTick, users, stored }: TickPlan,
  tick: number,
): void {
  for (let n = tick * perTick; n < (tick + 1) * perTick; n++) {
    if (audience === "everyone") contender.broadcast({ n, text: TEXT }, stored);
    else
      for (let user = 0; user < users; user++)
        contender.send(`u${user}`, { n, text: SHORT_TEXT, user: `u${user}` }, stored);
  }
}

/** Publishes as {@link PacedPlan} says. Nothing is stored. */
export async function publishPaced(contender: Contender, plan: PacedPlan): Promise<PublishReport> {
  const ballast = plan.ballast && { ...plan.ballast, text: "x".repeat(plan.ballast.bytes) };
  const total = Math.round(plan.perSecond * plan.seconds);
  const meter = startMeter();
  let sent = 0;
  let ticks = 0;
  for (; sent < total; ticks++) {
    const due = Math.min(total, Math.ceil((meter().elapsedMs / 1000) * plan.perSecond));
    while (sent < due) publishStamped(contender, plan, sent++);
    for (let n = 0; ballast && n < ballast.perTick; n++)
      contender.send("u0", { n, text: ballast.text }, false);
    await sleep(plan.everyMs);
  }
  return { ticks, messages: sent, ...meter(), rssBytes: process.memoryUsage.rss(), longestTurnsMs: [] };
}

/** Message `index` of a paced plan: the users have their turn one after the other. */
function publishStamped(contender: Contender, { audience, users }: PacedPlan, index: number): void {
  const at = machineUs();
  if (audience === "everyone") {
    contender.broadcast({ n: index, text: TEXT, at }, false);
  } else {
    const user = `u${index % users}`;
    contender.send(user, { n: Math.floor(index / users), text: SHORT_TEXT, user, at }, false);
  }
}
