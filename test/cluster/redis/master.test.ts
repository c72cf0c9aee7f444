import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, test } from "vitest";
import { RedisCluster } from "../../support/redis/redis.ts";
import { Cluster, NODE_TIMEOUT_MS } from "../support/cluster.ts";
import { Scene } from "../support/scene.ts";

/** Each test leaves its Redis Cluster whole; each cluster of nodes has a prefix of its own. */
let redis: RedisCluster;
let persistent: RedisCluster;
beforeAll(async () => {
  [redis, persistent] = await Promise.all([RedisCluster.start(), RedisCluster.start({ persistent: true })]);
});
afterAll(async () => {
  for (const each of [redis, persistent]) await each[Symbol.asyncDispose]();
});

test("a master of a Redis Cluster crashes and restarts with its data: all users are listed as before", async () => {
  await using cluster = await Cluster.start(persistent);
  const scene = await Scene.open(cluster);

  await persistent.masters[1]?.kill();
  await scene.expectAway();
  await persistent.masters[1]?.restart();

  await scene.expectBack();
  scene.expectNothingLost();
});

test.each([0, 1, 2])(
  "master %i of a Redis Cluster restarts empty: nodes reconcile its partitions",
  async (index) => {
    await using cluster = await Cluster.start(redis);
    const scene = await Scene.open(cluster);

    await redis.masters[index]?.kill();
    await scene.expectAway();
    await redis.masters[index]?.restart();

    await scene.expectBack();
  },
);

test("all masters of a Redis Cluster hang for a while: no node is declared dead", async () => {
  await using cluster = await Cluster.start(redis);
  const scene = await Scene.open(cluster);

  for (const master of redis.masters) master.pause();
  // Afterwards every heartbeat that Redis knows is too old.
  await Promise.all([scene.expectAway(), sleep(NODE_TIMEOUT_MS + 1_000)]);
  for (const master of redis.masters) master.continue();

  await scene.expectBack();
  scene.expectNothingLost();
});
