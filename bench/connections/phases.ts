import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "../measure/statistics.ts";
import { watched } from "../measure/watchdog.ts";
import { Crowd, type Door } from "./crowd.ts";
import { type BenchHub, controlDoor, hubDoor, type Kind } from "./doors.ts";
import { MemorySocket } from "./memory-socket.ts";
import { memoryBetween, readMemory, type Spent, startMeter } from "./meters.ts";
import type { ControlFigures, HubFigures, Latency, Plan } from "./plan.ts";
import { Probe } from "./probe.ts";

/** Clients that connect at a time. */
const AT_ONCE = 200;

/** Clients that come before the first measurement, so that code and tables are not counted. */
const MAX_WARM = 2_000;

/** Clients that ask, and the time between two requests of all together. */
const ASKING = { clients: 64, everyMs: 5, quietMs: 3_000 };

/** Between two broadcasts. */
const PAUSE_MS = 100;

/** Longest time of a phase, and how much longer it may be for each connection. */
const PHASE_MS = { least: 120_000, each: 1 };

const DATA = { text: "x".repeat(64) };

export type Say = (what: string) => void;

/** Measures what sockets cost that are no connections of a hub. */
export async function measureControl(kind: Exclude<Kind, "hub">, plan: Plan): Promise<ControlFigures> {
  const { crowd, came, before } = await warmCrowd(plan, await controlDoor(kind));
  await crowd.come(plan.connections, AT_ONCE, guard(plan));
  return { each: memoryBetween(before, await readMemory(), came) };
}

/** Measures a hub from the first connection to the last. */
export async function measureHub(plan: Plan, say: Say): Promise<HubFigures> {
  const { connections } = plan;
  const { hub, door } = await hubDoor(connections, plan.times);
  const { crowd, came, before } = await warmCrowd(plan, door, async (warm) => {
    for (let count = 0; count < WARM_BROADCASTS; count++) await broadcast(hub, warm, warmOf(plan));
  });
  say(`${came} clients connect`);
  const connected = startMeter();
  await crowd.come(connections, AT_ONCE, guard(plan));
  const connect = await connected();
  const whole = await readMemory();
  say(`${plan.quietMs / 1_000} s in which nothing happens but heartbeats`);
  const quiet = await measureQuiet(crowd, plan.quietMs);
  say("broadcasts");
  const alone = await measureBroadcasts(hub, crowd, connections, plan.broadcasts);
  say("broadcasts while clients ask");
  const asking = await measureAsking(hub, crowd, plan);
  const { lost } = crowd;
  const frames = { ...crowd.counts(), sent: FIRST_FRAMES + 2 * plan.broadcasts };
  if (crowd.faults.length > 0) throw new Error(`the hub ${crowd.faults.join("; ")}`);
  say("all leave");
  const leave = await measureLeave(hub, crowd, plan);
  await sleep(plan.times.graceMs + PAUSE_MS);
  const left = await readMemory();
  await hub.close();
  const each = memoryBetween(before, whole, came);
  const measured = { each, whole, came, connect, quiet, broadcast: alone, ...asking, leave, left, before };
  return { ...measured, lost, frames, frameNs: frameCost() };
}

/** Frames of a client between its connect and the first broadcast: `welcome`, and the positions of two channels. */
const FIRST_FRAMES = 3;

const WARM_BROADCASTS = 20;

const warmOf = ({ connections }: Plan): number => Math.min(MAX_WARM, Math.ceil(connections / 10));

/** A crowd whose first clients are connected. @param use lets the code below them be compiled */
async function warmCrowd(plan: Plan, door: Door, use?: (crowd: Crowd) => Promise<void>) {
  const warm = warmOf(plan);
  const crowd = new Crowd(plan.connections, door);
  await crowd.come(warm, AT_ONCE, guard(plan));
  await use?.(crowd);
  crowd.forget();
  return { crowd, came: plan.connections - warm, before: await readMemory() };
}

/** Gives a run up that takes too much time or memory. */
function guard({ connections, maxRssBytes }: Plan): () => void {
  const limitMs = PHASE_MS.least + PHASE_MS.each * connections;
  const deadline = performance.now() + limitMs;
  let calls = 0;
  return () => {
    if (performance.now() > deadline) throw new Error(`no end within ${limitMs} ms`);
    if (calls++ % 256 !== 0) return;
    const rss = process.memoryUsage.rss();
    if (rss > maxRssBytes) throw new Error(`${Math.round(rss / 2 ** 20)} MiB of memory are too much`);
  };
}

async function measureQuiet(crowd: Crowd, ms: number): Promise<HubFigures["quiet"]> {
  const before = crowd.pongs;
  const meter = startMeter();
  await sleep(ms);
  return { ...(await meter()), pongs: crowd.pongs - before };
}

/** Publishes to everybody. Resolves when it has arrived, with the beginning and the end. */
async function broadcast(hub: BenchHub, crowd: Crowd, receivers: number): Promise<[number, number]> {
  const arrived = crowd.reach(receivers);
  const from = performance.now();
  await hub.broadcast({ type: "bench", data: DATA });
  await watched(arrived, "a broadcast", async () => crowd.counts());
  return [from, performance.now()];
}

const lengthOf = ([from, to]: readonly [number, number]): number => to - from;

async function measureBroadcasts(hub: BenchHub, crowd: Crowd, receivers: number, count: number) {
  const meter = startMeter();
  const stretches: [number, number][] = [];
  for (let each = 0; each < count; each++) stretches.push(await broadcast(hub, crowd, receivers));
  return { ...(await meter()), eachMs: stretches.map(lengthOf) };
}

async function measureAsking(
  hub: BenchHub,
  crowd: Crowd,
  plan: Plan,
): Promise<Pick<HubFigures, "asked" | "latency">> {
  const { connections, broadcasts } = plan;
  const clients = Math.min(ASKING.clients, Math.ceil(connections / 10));
  const numbers = Array.from({ length: clients }, (_, each) => Math.floor((each * connections) / clients));
  const probe = new Probe(crowd, numbers, ASKING.everyMs);
  const quietFrom = performance.now();
  probe.start();
  await sleep(Math.min(ASKING.quietMs, broadcasts * PAUSE_MS * 5));
  const quiet: [number, number] = [quietFrom, performance.now()];
  const meter = startMeter();
  const stretches: [number, number][] = [];
  for (let each = 0; each < broadcasts; each++) {
    stretches.push(await broadcast(hub, crowd, connections - clients));
    await sleep(PAUSE_MS);
  }
  const spent = await meter();
  probe.stop();
  await until(() => probe.waiting === 0, guard(plan));
  const asked = { ...spent, eachMs: stretches.map(lengthOf) };
  const during = quantiles(probe.latencies(stretches));
  return { asked, latency: { quiet: quantiles(probe.latencies([quiet])), broadcast: during } };
}

const quantiles = (sorted: readonly number[]): Latency => ({
  count: sorted.length,
  p50: percentile(sorted, 0.5),
  p99: percentile(sorted, 0.99),
  max: percentile(sorted, 1),
});

async function measureLeave(hub: BenchHub, crowd: Crowd, plan: Plan): Promise<Spent> {
  const check = guard(plan);
  const meter = startMeter();
  await crowd.leave(check);
  await until(async () => (await hub.presence.count()).connections === 0, check);
  return meter();
}

/** @param check is called while it waits, and may throw */
async function until(condition: () => boolean | Promise<boolean>, check: () => void): Promise<void> {
  while (!(await condition())) {
    check();
    await sleep(1);
  }
}

/** Frames whose cost at the client's end is measured. */
const COUNTED = 1_000_000;

/** Measures what the client's end of a delivery costs, in nanoseconds: it is a part of what the server seems to spend. */
function frameCost(): number {
  const crowd = new Crowd(1, { enter: () => undefined, requestOf: () => undefined, firstFrames: 0 });
  const socket = new MemorySocket(0, crowd);
  const frame = Buffer.from([0x81, 126, 0, 200, ...Buffer.alloc(200, "x")]);
  const before = process.cpuUsage();
  for (let count = 0; count < COUNTED; count++) crowd.written(socket, frame);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1e3) / COUNTED;
}
