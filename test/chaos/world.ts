import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Environment, NodeProcess } from "../support/nodes/nodes.ts";
import { FaultyProxy } from "./proxy.ts";
import { ClusterRedis } from "./redis/cluster.ts";
import type { ChaosRedis, Kind } from "./redis/kind.ts";
import { SentinelRedis } from "./redis/sentinel.ts";
import { SingleRedis } from "./redis/single.ts";

const NODES = 3;

/** As short as a busy machine allows, so that every timeout runs out within a round. */
const SETTINGS: Environment = {
  CLUSTER_HEARTBEAT_INTERVAL: "0.5",
  CLUSTER_NODE_TIMEOUT: "3",
  PRESENCE_GRACE_MS: "500",
  SHUTDOWN_RECONNECT_SPREAD_MS: "500",
  HISTORY_COUNT: "100000",
  WEBSOCKET_HEARTBEAT_INTERVAL: "2",
  WEBSOCKET_CONNECTION_TIMEOUT: "6",
};

const CLOCK = new URL("clock.ts", import.meta.url).href;

/** A node of the round, and the clock of its process. */
export class ChaosNode {
  readonly process: NodeProcess;
  readonly #clock: string;

  constructor(process: NodeProcess, clock: string) {
    this.process = process;
    this.#clock = clock;
  }

  /** Sets the clock of the process ahead of the machine's; below 0 it is behind. */
  async shiftClock(ms: number): Promise<void> {
    await writeFile(this.#clock, String(ms));
  }

  /** An HTTP answer; undefined when there is none in time. */
  async ask(
    path: string,
    body?: unknown,
    timeoutMs = 5_000,
  ): Promise<{ status: number; body: unknown } | undefined> {
    const post = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    };
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await fetch(`http://127.0.0.1:${this.process.port}${path}`, {
        signal,
        ...(body === undefined ? {} : post),
      });
      return { status: response.status, body: await response.json() };
    } catch {
      return undefined;
    }
  }
}

/** Three nodes in processes of their own, their Redis, and the proxy between them and their clients. */
export class World implements AsyncDisposable {
  readonly nodes: readonly ChaosNode[];
  readonly redis: ChaosRedis;
  /** Sends each client to the next node. */
  readonly door: FaultyProxy;
  readonly #directory: string;

  private constructor(nodes: readonly ChaosNode[], redis: ChaosRedis, door: FaultyProxy, directory: string) {
    this.nodes = nodes;
    this.redis = redis;
    this.door = door;
    this.#directory = directory;
  }

  static async start(kind: Kind): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), "tidings-chaos-"));
    const redis = await startRedis(kind);
    const starting = Array.from({ length: NODES }, async (_, index) => {
      const id = `n${index + 1}`;
      const clock = join(directory, `${id}.clock`);
      await writeFile(clock, "0");
      const env = { ...SETTINGS, REDIS_URL: redis.urlOf(index) };
      const options = { NODE_OPTIONS: `--import=${CLOCK}`, CHAOS_CLOCK: clock };
      return new ChaosNode(await NodeProcess.start(id, { ...env, ...options }), clock);
    });
    const nodes = await Promise.all(starting);
    const door = await FaultyProxy.start(() => nodes.map(({ process }) => process.port));
    return new World(nodes, redis, door, directory);
  }

  /** The WebSocket URL for clients. */
  get url(): string {
    return `ws://127.0.0.1:${this.door.port}/ws`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(({ process }) => process[Symbol.asyncDispose]()));
    await this.door[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function startRedis(kind: Kind): Promise<ChaosRedis> {
  if (kind === "single") return SingleRedis.start(NODES);
  return kind === "sentinel" ? SentinelRedis.start() : ClusterRedis.start();
}
