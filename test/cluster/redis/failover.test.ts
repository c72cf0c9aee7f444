import { describe, test } from "vitest";
import { RedisSentinel, ReplicatedRedisCluster } from "../../support/redis/redis.ts";
import { Cluster } from "../support/cluster.ts";
import { Scene } from "../support/scene.ts";

describe.each([
  { name: "behind Sentinel", start: () => RedisSentinel.start() },
  { name: "of a Redis Cluster", start: () => ReplicatedRedisCluster.start() },
])("the master $name", ({ start }) => {
  test("crashes and its replica is promoted: the nodes follow, and all users are listed as before", async () => {
    await using redis = await start();
    await using cluster = await Cluster.start(redis);
    const scene = await Scene.open(cluster);
    await redis.replicated();

    await redis.holdElections();
    await redis.master.kill();
    await scene.expectAway();
    await redis.elect();
    await redis.failedOver();

    await scene.expectBack();
    scene.expectNothingLost();
  });

  test("hangs, is replaced, and answers again: no node uses it any more", async () => {
    await using redis = await start();
    await using cluster = await Cluster.start(redis);
    const scene = await Scene.open(cluster);
    await redis.replicated();

    redis.master.pause();
    await redis.elect();
    await redis.failedOver();
    await scene.expectBack();
    redis.master.continue();
    await redis.demoted();

    await scene.expectStoredArrive();
    scene.expectNothingLost();
  });
});
