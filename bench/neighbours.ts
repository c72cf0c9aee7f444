/**
 * `npm run bench:neighbours`: how one hostile user delays others. 200 people chat in groups on two nodes, by turns undisturbed
 * and under an attack. Attacks that rates end also go to servers that do nothing with them: the control shows what they take from this
 * machine alone. See README.md.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { machineUs } from "../src/loadtest/measure/clock.ts";
import { BenchRedis } from "./cluster/redis.ts";
import { percentile } from "./measure/statistics.ts";
import { ATTACKS, type Attack } from "./neighbours/attacks.ts";
import { programOf, startNodes, startProgram } from "./neighbours/nodes.ts";

const PEOPLE = 200;
const PEOPLE_PER_GROUP = 10;
/** Each person says something so often. */
const PAUSE_MS = 2_000;
/** Time in which an attack gets going, before others are measured. */
const START_MS = 3_000;
/** The promise: under an attack the p99 of the others at most doubles. */
const MAX_RATIO = 2;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    turns: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
  },
});
const turns = Number(values.turns);
const seconds = Number(values.seconds);
const only = values.only?.split(",");
const attacks = ATTACKS.filter(({ name }) => only === undefined || only.includes(name));
if (!(turns >= 1 && seconds > 0 && attacks.length > 0)) {
  const names = ATTACKS.map(({ name }) => name).join(", ");
  throw new Error(`expected --turns and --seconds with numbers, and --only with some of ${names}`);
}

/** People who chat, and the delays with which they hear each other. */
class Chat {
  #delays: number[] = [];
  #lost = 0;
  readonly #timers: NodeJS.Timeout[] = [];

  async start(urls: readonly string[]): Promise<void> {
    for (let index = 0; index < PEOPLE; index++) {
      await this.#enter(
        urls[index % urls.length] ?? "",
        `person-${index}`,
        `group-${index % (PEOPLE / PEOPLE_PER_GROUP)}`,
      );
    }
  }

  /** Forgets what was heard, waits, and returns the delays in milliseconds, sorted. */
  async listen(ms: number): Promise<number[]> {
    this.#delays = [];
    await sleep(ms);
    return this.#delays.toSorted((one, other) => one - other);
  }

  /** Connections that the nodes closed. */
  get lost(): number {
    return this.#lost;
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #enter(url: string, user: string, group: string): Promise<void> {
    const socket = new WebSocket(`${url}?user_id=${user}`);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    socket.on("close", () => this.#lost++);
    socket.on("message", (text) => {
      const { type, data } = JSON.parse(String(text));
      if (type === "chat") this.#delays.push((machineUs() - data) / 1_000);
    });
    socket.send(JSON.stringify({ id: 1, action: "group.join", data: { group } }));
    setTimeout(() => {
      const say = () => socket.send(JSON.stringify({ type: "chat", group, data: machineUs() }));
      this.#timers.push(setInterval(say, PAUSE_MS));
    }, Math.random() * PAUSE_MS);
  }
}

/** Starts an attack in a process of its own, which leaves the processor to the others: hostile users have their own. */
function startAttack(name: string, urls: readonly string[]): ChildProcess {
  return spawn("nice", ["-n", "15", process.execPath, programOf("main"), name, ...urls], {
    stdio: "inherit",
  });
}

/** Lets the others chat while an attack goes on. @returns their delays */
async function underAttack(name: string, urls: readonly string[], chat: Chat): Promise<number[]> {
  const attack = startAttack(name, urls);
  await sleep(START_MS);
  const delays = await chat.listen(seconds * 1_000);
  attack.kill("SIGKILL");
  await chat.listen(START_MS);
  return delays;
}

const p99 = (delays: readonly number[]): number => percentile(delays, 0.99);

const show = (delays: readonly number[]): string =>
  `p50 ${percentile(delays, 0.5).toFixed(1)} ms, p99 ${p99(delays).toFixed(1)} ms of ${delays.length}`;

const medianOf = (ratios: readonly number[]): number =>
  percentile(
    ratios.toSorted((one, other) => one - other),
    0.5,
  );

/** Measures an attack by turns. @returns true when the promise is kept */
async function measure(attack: Attack): Promise<boolean> {
  const { name, title, control: kind } = attack;
  const redis = await BenchRedis.start();
  const nodes = await startNodes(attack, redis.url);
  const { urls } = nodes;
  const control =
    kind === undefined ? undefined : await startProgram("control", urls.length, kind, String(urls.length));
  const chat = new Chat();
  await chat.start(urls);
  const ratios: number[] = [];
  const controlRatios: number[] = [];
  console.log(`\n${name}: eve ${title}`);
  await chat.listen(START_MS);
  for (let turn = 0; turn < turns; turn++) {
    const quiet = await chat.listen(seconds * 1_000);
    const beside = control && (await underAttack(name, control.urls, chat));
    const attacked = await underAttack(name, urls, chat);
    ratios.push(p99(attacked) / p99(quiet));
    if (beside !== undefined) controlRatios.push(p99(beside) / p99(quiet));
    const shown = beside === undefined ? "" : `; control ${show(beside)}`;
    console.log(`  quiet ${show(quiet)}${shown}; attacked ${show(attacked)}; closed ${chat.lost}`);
  }
  const shown = control === undefined ? "" : `, control × ${medianOf(controlRatios).toFixed(2)}`;
  console.log(`  p99 × ${medianOf(ratios).toFixed(2)}, allowed × ${MAX_RATIO}${shown}`);
  chat.stop();
  control?.process.kill("SIGKILL");
  await nodes.stop();
  await redis.stop();
  return medianOf(ratios) <= MAX_RATIO && chat.lost === 0;
}

let isKept = true;
for (const attack of attacks) isKept = (await measure(attack)) && isKept;
process.exit(isKept ? 0 : 1);
