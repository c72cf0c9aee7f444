import { expect, test } from "vitest";
import { RedisServer } from "../../support/redis/redis.ts";
import { Cluster } from "../support/cluster.ts";
import { Scene } from "../support/scene.ts";
import { Writers } from "../support/writers.ts";

test("Redis restarted with its data: nothing is lost, and all users are listed as before", async () => {
  await using redis = await RedisServer.start({ persistent: true });
  await using cluster = await Cluster.start(redis);
  const scene = await Scene.open(cluster);

  await redis.stop();
  await scene.expectAway();
  await redis.restart();

  await scene.expectBack();
  scene.expectNothingLost();
});

test("Redis crashed under load and restarted with its data: stored messages arrive once, in order", async () => {
  await using redis = await RedisServer.start({ persistent: true });
  await using cluster = await Cluster.start(redis);
  const scene = await Scene.open(cluster);
  const bob = await cluster.client("bob", cluster.n2);
  const writers = await Writers.start(cluster, ["bob"]);
  await writers.sent(200);

  await redis.kill();
  await cluster.areReady(false);
  await redis.restart();
  await cluster.areReady(true);
  await writers.sent(200);
  await writers.stop();

  await writers.expectAllOnce("bob", bob);
  const { body } = await cluster.n1.get("/history?channel=user:bob&limit=1");
  expect(body.messages).toMatchObject([{ offset: writers.total("bob") }]);
  scene.expectNothingLost();
});
