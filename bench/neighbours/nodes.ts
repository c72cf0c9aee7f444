import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Environment, NodeProcess } from "../../test/support/nodes/process.ts";
import { RedisServer } from "../../test/support/redis/redis.ts";
import type { Attack } from "./attacks.ts";

/** Two nodes under attack. */
export interface Nodes {
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

/** The attacks show what budgets and turns do, so no rate ends them before. */
const WITHOUT_RATES: Environment = {
  LIMITS_ACTIONS_PER_USER: "{}",
  LIMITS_MESSAGES_PER_CONNECTION: "off",
  LIMITS_MESSAGES_PER_USER: "off",
  OVERLOAD_LOOP_PERCENT: "0",
};

/** By default this machine is exempt from limits on addresses. */
const WITH_RATES: Environment = { LIMITS_WHITELIST_CIDRS: "192.0.2.1" };

const IDS = ["a", "b"];

/** Starts the nodes that an attack is about. @param redis URL of what they share */
export function startNodes({ control, limiter }: Attack, redis: string): Promise<Nodes> {
  if (limiter !== undefined) return startApplications(redis, limiter);
  return startServers({ REDIS_URL: redis, ...(control === undefined ? WITHOUT_RATES : WITH_RATES) });
}

async function startServers(env: Environment): Promise<Nodes> {
  const nodes = await Promise.all(IDS.map((id) => NodeProcess.start(id, env)));
  return {
    urls: nodes.map(({ url }) => url),
    async stop() {
      for (const node of nodes) await node.kill();
    },
  };
}

/** Starts applications that embed the hub and limit their own requests. */
async function startApplications(redis: string, limiter: "memory" | "dying"): Promise<Nodes> {
  const store = limiter === "memory" ? undefined : await DyingRedis.start();
  const args = store === undefined ? [] : [store.url];
  const started = await Promise.all(IDS.map((id) => startProgram("application", 1, id, redis, ...args)));
  return {
    urls: started.flatMap(({ urls }) => urls),
    async stop() {
      for (const { process } of started) process.kill("SIGKILL");
      await store?.stop();
    },
  };
}

/** Starts a program of this folder. Resolves when it has printed so many URLs, a line each. */
export async function startProgram(
  name: string,
  count: number,
  ...args: string[]
): Promise<{ process: ChildProcess; urls: string[] }> {
  const started = spawn(process.execPath, [programOf(name), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const urls: string[] = [];
  for await (const url of createInterface(started.stdout)) if (urls.push(url) === count) break;
  return { process: started, urls };
}

export const programOf = (name: string): string => fileURLToPath(new URL(`${name}.ts`, import.meta.url));

/** The store of a limiter: a Redis that hangs, answers again, is killed, and comes back empty, without end. */
class DyingRedis {
  readonly #server: RedisServer;
  readonly #cycle: Promise<void>;
  #isStopped = false;

  static async start(): Promise<DyingRedis> {
    return new DyingRedis(await RedisServer.start());
  }

  private constructor(server: RedisServer) {
    this.#server = server;
    this.#cycle = this.#run();
  }

  get url(): string {
    return this.#server.url;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#cycle;
    await this.#server[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    const server = this.#server;
    while (!this.#isStopped) {
      for (const step of [server.pause, server.continue, server.kill, server.restart]) {
        await step.call(server);
        await sleep(1_000);
      }
    }
  }
}
