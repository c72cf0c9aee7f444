import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { startCluster, upTo } from "../../contract/harness.ts";
import { redisOn } from "../harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const HOUR_MS = 3_600_000;

test("nodes with different settings say so, and the largest values decide what is deleted", async () => {
  const narrow = { history: { count: 3, ageMs: 50 }, idempotencyWindowMs: 50 };
  const implementation = redisOn(
    () => server,
    undefined,
    (index) => (index === 1 ? narrow : {}),
  );
  await using cluster = await startCluster(implementation, { heartbeatMs: 50, ageMs: HOUR_MS }, 2);
  const { node, other, message } = cluster;
  for (const _ of upTo(20)) await other.broker.append(message("all"));
  await other.broker.append(message("all"), "k1");
  await sleep(100); // longer than the settings of the narrow node

  expect((await other.broker.history("all", { limit: 100 })).messages).toHaveLength(21);
  expect((await node.broker.history("all", { limit: 100 })).messages).toHaveLength(21);
  expect(await node.broker.append(message("all"), "k1")).toMatchObject({ duplicate: true });
  const degraded = cluster.nodes.map(({ backplane }) => backplane.health);
  await eventually("both nodes say so", () =>
    degraded.every((health) => health.degraded.filter(({ what }) => what !== "redis settings").length > 0),
  );
  for (const health of degraded) {
    const why = expect.stringContaining("history.count is 3 or 1000, history.ageMs is 50 or 3600000");
    expect(health.degraded.filter(({ what }) => what !== "redis settings")).toMatchObject([
      { what: "node settings", why },
    ]);
  }
});

test("nodes with different retention of a channel say so, and the widest of them is in force", async () => {
  const history = { count: 10, ageMs: HOUR_MS };
  const rules = [{ "group:live-*": { count: 2 } }, { "group:*": { count: 4 } }];
  const implementation = redisOn(
    () => server,
    undefined,
    (index) => ({ history: { ...history, channels: rules[index] ?? {} } }),
  );
  await using cluster = await startCluster(implementation, { heartbeatMs: 50 }, 2);
  const retained = async (channel: "group:live-1" | "group:g" | "all"): Promise<number[]> => {
    for (const { broker } of cluster.nodes)
      for (const _ of upTo(15)) await broker.append(cluster.message(channel));
    return Promise.all(
      cluster.nodes.map(
        async ({ broker }) => (await broker.history(channel, { limit: 100 })).messages.length,
      ),
    );
  };
  const problems = () => cluster.nodes.map(({ backplane }) => JSON.stringify(backplane.health.degraded));
  await eventually("both nodes say so", () =>
    problems().every((text) => text.includes("history.channels is") && text.includes("group:live-*")),
  );

  expect(await retained("group:live-1")).toEqual([4, 4]);
  expect(await retained("group:g")).toEqual([10, 10]);
  expect(await retained("all")).toEqual([10, 10]);
});
