import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type RedisOptions, redisBackplane } from "../../../src/backplane/backplane.ts";
import type { RedisServer, TestRedis } from "../../support/redis/redis.ts";
import type { Implementation, StartedCluster } from "../contract/harness.ts";

const HOUR_MS = 3_600_000;
/** For an answer of Redis or of another node: a busy machine is no outage. Tests of outages give `commandTimeoutMs` themselves. */
const PATIENT_MS = 10_000;
/** Options of nodes that take two seconds of silence for an outage, as by default. */
export const IMPATIENT = (): Partial<RedisOptions> => ({ commandTimeoutMs: 2_000 });

/**
 * The Redis backplane under the contract, on the clock of Redis, which nobody can set. Clusters under test share a
 * Redis: `redis` is called when a test begins. Each cluster has its own prefix.
 */
export const redisOn = (
  redis: () => TestRedis,
  pushFrom?: number,
  optionsOf: (index: number) => Partial<RedisOptions> = () => ({}),
): Implementation => ({
  nodes: 3,
  async createCluster(nodes, options) {
    const { count = 1_000, ageMs = HOUR_MS, idempotencyWindowMs = HOUR_MS } = options;
    const { graceMs = 20, heartbeatMs = 10_000, pageBytes, channelBytes, channels, devicesPerUser } = options;
    const { url, masters } = redis();
    const prefix = `${randomUUID()}:`;
    const createBackplane = (_: unknown, index: number) =>
      redisBackplane({
        url,
        prefix,
        history: { count, ageMs, pageBytes, channelBytes, channels, devicesPerUser },
        idempotencyWindowMs,
        graceMs,
        heartbeatMs,
        pushFrom,
        commandTimeoutMs: PATIENT_MS,
        ...optionsOf(index),
      });
    return {
      backplanes: Array.from({ length: nodes }, createBackplane),
      now: Date.now,
      async advance(ms) {
        await sleep(ms);
      },
      async loseHistories() {
        for (const master of masters) await deleteKeys(master, `${prefix}{*}:[mh]:*`);
      },
    };
  },
});

/** Heartbeats of a cluster that loses data report it, whenever they come: on a busy machine in the middle of a test. */
export function expectLosses({ nodes }: StartedCluster): void {
  for (const { sink } of nodes) sink.mayReport.add("comparison");
}

async function deleteKeys(server: RedisServer, pattern: string): Promise<void> {
  const keys = await server.command("KEYS", pattern);
  // One by one: those of several partitions may not be named in one command on Redis Cluster.
  for (const key of keys as string[]) await server.command("DEL", key); // KEYS answers with names
}
