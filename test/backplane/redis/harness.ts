import { randomUUID } from "node:crypto";
import { redisBackplane } from "../../../src/backplane/backplane.ts";
import type { RedisServer, TestRedis } from "../../support/redis/redis.ts";
import type { Implementation } from "../contract/harness.ts";

const HOUR_MS = 3_600_000;

/**
 * The Redis backplane under the contract, on a clock that is moved by hand. Clusters under test share a Redis: `redis`
 * is called when a test begins. Each cluster has its own prefix.
 */
export const redisOn = (redis: () => TestRedis, pushFrom?: number): Implementation => ({
  nodes: 3,
  async createCluster(nodes, options) {
    const { count = 1_000, ageMs = HOUR_MS, idempotencyWindowMs = HOUR_MS } = options;
    const { graceMs = 20, heartbeatMs = 10_000 } = options;
    const { url, masters } = redis();
    const prefix = `${randomUUID()}:`;
    let now = 1_763_690_000_000;
    const createBackplane = () =>
      redisBackplane({
        url,
        prefix,
        history: { count, ageMs },
        idempotencyWindowMs,
        graceMs,
        heartbeatMs,
        pushFrom,
        now: () => now,
      });
    return {
      backplanes: Array.from({ length: nodes }, createBackplane),
      now: () => now,
      async advance(ms) {
        now += ms;
      },
      async loseHistories() {
        for (const master of masters) await deleteKeys(master, `${prefix}{*}:[mha]:*`);
      },
    };
  },
});

async function deleteKeys(server: RedisServer, pattern: string): Promise<void> {
  const keys = await server.command("KEYS", pattern);
  // One by one: those of several partitions may not be named in one command on Redis Cluster.
  for (const key of keys as string[]) await server.command("DEL", key); // KEYS answers with names
}
