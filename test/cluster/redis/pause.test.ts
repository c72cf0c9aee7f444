import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { RedisServer } from "../../support/redis/redis.ts";
import { Cluster, NODE_TIMEOUT_MS } from "../support/cluster.ts";
import { incarnations } from "../support/registry.ts";
import { Scene } from "../support/scene.ts";
import { Writers } from "../support/writers.ts";

/** Longer than the node timeout: afterwards every heartbeat that Redis knows is too old. */
const PAUSE_MS = NODE_TIMEOUT_MS + 2_000;
/** Two heartbeats, and far less than the node timeout. */
const LATE_MS = 1_000;

test("Redis paused for 8 s under load: no node is declared dead, and stored messages arrive once, in order", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis);
  const scene = await Scene.open(cluster);
  const bob = await cluster.client("bob", cluster.n2);
  const writers = await Writers.start(cluster, ["bob"]);
  await writers.sent(200);

  redis.pause();
  const pause = sleep(PAUSE_MS);
  await scene.expectAway();
  await pause;
  redis.continue();
  await cluster.areReady(true);
  await writers.sent(200);
  await writers.stop();

  await writers.expectAllOnce("bob", bob);
  await scene.expectBack();
  scene.expectNothingLost();
});

test("a node that recovers from the outage a little later than the others is not declared dead", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis);
  const { n1, n2, n3 } = cluster;
  const scene = await Scene.open(cluster);
  const before = await incarnations(redis, cluster.prefix);

  redis.pause();
  await cluster.areReady(false, [n1, n2]);
  await sleep(PAUSE_MS);
  // Only now, because its client gives up a node that does not answer for 5 s.
  n3.pause();
  redis.continue();
  await cluster.areReady(true, [n1, n2]);
  await sleep(LATE_MS);
  n3.continue();

  await scene.expectBack();
  expect(await incarnations(redis, cluster.prefix)).toEqual(before);
});
