import { setTimeout as sleep } from "node:timers/promises";
import { machineUs } from "../../src/loadtest/measure/clock.ts";
import { LoopWatch } from "../measure/loop-watch.ts";
import type { PaceServer } from "../measure/pace.ts";
import type { PacedPlan, PublishReport, TickPlan } from "./api.ts";
import type { BenchData } from "./dialects.ts";

/** Padding: a message with its envelope is 100–125 bytes of JSON. A message to one user has the user's id twice. */
export const TEXT = "0123456789abcdef";
const SHORT_TEXT = TEXT.slice(0, 8);
/** The first tick pays for memory that the later ones use again. */
const WARM_TICKS = 1;

/** The calls by which a server under test publishes. */
export interface Publisher {
  /** Publishes one message to every connection. */
  broadcast(data: BenchData, stored: boolean): void;
  /** Publishes one message to one user. */
  send(user: string, data: BenchData, stored: boolean): void;
}

export type Metered = Pick<PublishReport, "cpuUs" | "kernelPercent" | "elapsedMs">;

/** CPU time and wall time since the call. */
export function startMeter(): () => Metered {
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
  publisher: Publisher,
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
    publishTick(publisher, plan, tick++);
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
  publisher: Publisher,
  { audience, perTick, users, stored }: TickPlan,
  tick: number,
): void {
  for (let n = tick * perTick; n < (tick + 1) * perTick; n++) {
    if (audience === "everyone") publisher.broadcast({ n, text: TEXT }, stored);
    else
      for (let user = 0; user < users; user++)
        publisher.send(`u${user}`, { n, text: SHORT_TEXT, user: `u${user}` }, stored);
  }
}

/** Publishes as {@link PacedPlan} says. Nothing is stored. */
export async function publishPaced(publisher: Publisher, plan: PacedPlan): Promise<PublishReport> {
  const ballast = plan.ballast && { ...plan.ballast, text: "x".repeat(plan.ballast.bytes) };
  const publish = (index: number): void => {
    if (plan.audience === "everyone") publisher.broadcast({ n: index, text: TEXT, at: machineUs() }, false);
    else publishToOne(publisher, { ...plan, stored: false }, index, machineUs());
  };
  const pace = paced(plan, publish, () => {
    for (let n = 0; ballast && n < ballast.perTick; n++)
      publisher.send("u0", { n, text: ballast.text }, false);
  });
  return { ...(await pace), rssBytes: process.memoryUsage.rss(), longestTurnsMs: [] };
}

/** Publishes messages 0, 1, 2 … at a steady rate; those that are due are published in one tick. */
export async function paced(
  { perSecond, seconds, everyMs }: Pick<PacedPlan, "perSecond" | "seconds" | "everyMs">,
  publish: (index: number) => void,
  eachTick: () => void = () => {},
): Promise<Metered & { ticks: number; messages: number }> {
  const total = Math.round(perSecond * seconds);
  const meter = startMeter();
  let sent = 0;
  let ticks = 0;
  for (; sent < total; ticks++) {
    const due = Math.min(total, Math.ceil((meter().elapsedMs / 1000) * perSecond));
    while (sent < due) publish(sent++);
    eachTick();
    await sleep(everyMs);
  }
  return { ticks, messages: sent, ...meter() };
}

/** Publishes message `index` of the messages to single users, which go to the users in turn. */
export function publishToOne(
  publisher: Pick<Publisher, "send">,
  { users, stored }: Pick<TickPlan, "users" | "stored">,
  index: number,
  at?: number,
): void {
  const user = `u${index % users}`;
  publisher.send(user, { n: Math.floor(index / users), text: SHORT_TEXT, user, at }, stored);
}
