import { expect, test } from "vitest";
import { partitionOfUser } from "../../../src/backplane/redis/wire/keys.ts";
import { eventually } from "../../support/eventually.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { Cluster, onEveryRedis } from "../support/cluster.ts";
import { keysOfPartition } from "../support/registry.ts";

onEveryRedis((redis) => {
  test("all keys of a user's partition are deleted: the user is reached again, and hears of the loss", async () => {
    await using cluster = await Cluster.start(redis(), {}, 2);
    const { n1, n2 } = cluster;
    const watcher = await cluster.watcher(n1);
    const bob = await cluster.client("bob", n2);
    const send = (data: string) =>
      n1.post("/ws/message", { to: "bob", type: "n", data, ack: true, timeoutMs: 60_000 });
    expect((await send("before")).body).toMatchObject({ state: "acked" });
    const { connection } = bob.client;

    // At once: an entry that is deleted after it was announced again waits for the next round.
    const found = await keysOfPartition(redis(), cluster.prefix, partitionOfUser("bob"));
    await found[0]?.[0].command("DEL", ...found.map(([, key]) => key));
    await bob.until(() => bob.all("lost").some(({ channel }) => channel === "user:bob"));

    expect((await send("after")).body).toMatchObject({ state: "acked" });
    expect(bob.received).toEqual(["before", "after"]);
    expect(bob.client.connection).toBe(connection);
    expect((await n1.get("/users/bob/connections")).body).toMatchObject({
      connections: [{ id: connection }],
    });
    expect(watcher.of("bob")).toEqual([true]);
    await eventually("the loss is in the log", () => n2.output.includes("has lost the data of partition"));
  });
});

test("the nodes of a user's channel are deleted: the user is reached again within a round", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis, { CLUSTER_HEARTBEAT_INTERVAL: "0.1" }, 2);
  const { n1, n2 } = cluster;
  const bob = await cluster.client("bob", n2);

  expect(await redis.command("DEL", `${cluster.prefix}{${partitionOfUser("bob")}}:d:user:bob`)).toBe(1);
  await n1.post("/ws/message", { to: "bob", type: "n", data: "stored meanwhile" });
  await bob.until(() => bob.received.length === 1);

  expect(bob.received).toEqual(["stored meanwhile"]);
  await eventually("the difference is in the log", () => n2.output.includes("Redis differed from this node"));
  const metrics = await fetch(`http://127.0.0.1:${n2.port}/metrics`);
  expect(await metrics.text()).toMatch(/tidings_backplane_mended_total\{what="connections"\} [1-9]/);
});
