import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { type StartedCluster, startCluster } from "../../contract/harness.ts";
import { redisOn } from "../harness.ts";

const DAY_MS = 86_400_000;

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Two nodes; the clock of the second one is wrong by so much. */
function startNodes(skewMs: () => number): Promise<StartedCluster> {
  const wrong = { now: () => Date.now() + skewMs() };
  const implementation = redisOn(
    () => server,
    undefined,
    (index) => (index === 1 ? wrong : {}),
  );
  return startCluster(implementation, { ageMs: 7 * DAY_MS, heartbeatMs: 20 }, 2);
}

test.each([8 * DAY_MS, -8 * DAY_MS])(
  "a node whose clock is wrong by %i ms deletes nothing of the others, and its own messages stay",
  async (skewMs) => {
    await using cluster = await startNodes(() => skewMs);
    const { node, other, message } = cluster;
    await node.broker.append(message("all", { timestamp: node.backplane.now() }));
    await other.broker.append(message("all", { timestamp: other.backplane.now() }));

    // Retention of all partitions by each node takes 64 heartbeats.
    const rounds = other.backplane.traffic?.scripts.age ?? 0;
    await eventually("retention has visited all partitions", () => {
      return (other.backplane.traffic?.scripts.age ?? 0) > rounds + 64;
    });

    for (const { broker } of cluster.nodes) {
      const { messages } = await broker.history("all", { limit: 10 });
      expect(messages.map(({ offset }) => offset)).toEqual([1, 2]);
    }
    const direction = skewMs > 0 ? "ahead of" : "behind";
    const reason = `the clock of this node is about ${8 * 86_400} s ${direction} the clock of Redis`;
    expect(other.backplane.health.degraded.filter(({ what }) => what !== "redis settings")).toMatchObject([
      { what: "clock", why: expect.stringContaining(reason) },
    ]);
    expect(node.backplane.health.degraded.filter(({ what }) => what !== "redis settings")).toEqual([]);
  },
);

test("nodes whose clocks are 6 minutes apart store an idempotency key once", async () => {
  await using cluster = await startNodes(() => 6 * 60_000);
  const { node, other, message } = cluster;

  await node.broker.append(message("all"), "k1");
  expect(await other.broker.append(message("all"), "k1")).toMatchObject({ duplicate: true });
  await other.idempotency.begin("k2", "{}");
  expect(await node.idempotency.begin("k2", "{}")).toBe("{}");
});

test("timestamps are of the clock of Redis, also after the node's own clock was set", async () => {
  let skewMs = 0;
  await using cluster = await startNodes(() => skewMs);
  const { backplane } = cluster.other;
  expect(Math.abs(backplane.now() - Date.now())).toBeLessThan(1_000);

  skewMs = -3 * DAY_MS;
  expect(Math.abs(backplane.now() - Date.now())).toBeLessThan(1_000);
  await eventually(
    "the difference is told",
    () => backplane.health.degraded.filter(({ what }) => what !== "redis settings").length > 0,
  );
  skewMs = 0;
  expect(Math.abs(backplane.now() - Date.now())).toBeLessThan(1_000);
  await eventually(
    "the difference is gone",
    () => backplane.health.degraded.filter(({ what }) => what !== "redis settings").length === 0,
  );
});
