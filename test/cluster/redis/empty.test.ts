import { expect, test } from "vitest";
import { RedisServer } from "../../support/redis/redis.ts";
import { Cluster } from "../support/cluster.ts";
import { Scene } from "../support/scene.ts";

test("Redis restarted empty: nodes reconcile, and clients learn that their histories are lost", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis);
  const scene = await Scene.open(cluster);

  await redis.kill();
  await scene.expectAway();
  await redis.restart();

  await scene.expectBack();
  await scene.untilLossIsTold();
});

test("Redis emptied while it runs: nodes reconcile within a heartbeat", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis);
  const scene = await Scene.open(cluster);

  await redis.command("FLUSHALL");
  await cluster.lists(...cluster.nodes);

  await scene.expectBack();
  await scene.untilLossIsTold();
});

test("a client that was offline when Redis lost everything gets the loss at its next login", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis);
  const { n1, n2 } = cluster;
  const before = await cluster.client("bob", n2);
  await n1.post("/ws/message", { to: "bob", type: "n", data: "before", ack: true });
  await before.client.close();
  const { positions } = before.client;

  await redis.kill();
  await redis.restart();
  await cluster.areReady(true);
  const after = await cluster.client("bob", n2, { positions });
  await n1.post("/ws/message", { to: "bob", type: "n", data: "after" });
  await after.until(() => after.received.length === 1);

  expect(after.all("lost").map(({ channel }) => channel)).toContain("user:bob");
  expect(after.received).toEqual(["after"]);
});
