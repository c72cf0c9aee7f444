import { expect, test } from "vitest";
import { RedisServer } from "../../support/redis/redis.ts";
import { Cluster, onEveryRedis, SHORT_GRACE } from "../support/cluster.ts";
import { incarnations } from "../support/registry.ts";
import { Writers } from "../support/writers.ts";

const USERS = ["ada", "bea", "cia"];

onEveryRedis((redis) => {
  test("a node paused beyond the timeout is declared dead once, and registers again as another incarnation with its clients", async () => {
    // The writers go on meanwhile, so the pause is a short one.
    await using cluster = await Cluster.start(redis(), { ...SHORT_GRACE, CLUSTER_NODE_TIMEOUT: "3" });
    const { n1, n2, n3 } = cluster;
    const watchers = [await cluster.watcher(n1), await cluster.watcher(n3)];
    const clients = await Promise.all(USERS.map((user) => cluster.client(user, n2)));
    for (const { client } of clients) await client.join("g");
    const connections = clients.map(({ client }) => client.connection);
    cluster.balancer.backends = [n1, n3];
    const writers = await Writers.start(cluster, USERS);
    await writers.sent(100);
    const before = await incarnations(redis(), cluster.prefix);

    n2.pause();
    for (const watcher of watchers) for (const user of USERS) await watcher.until(user, 2);
    await writers.sent(100);
    n2.continue();
    for (const watcher of watchers) for (const user of USERS) await watcher.until(user, 3);
    await cluster.lists(n1, n2, n3);
    await writers.sent(100);
    await writers.stop();

    for (const [index, client] of clients.entries()) await writers.expectAllOnce(USERS[index] ?? "", client);
    expect(clients.map(({ client }) => client.connection)).toEqual(connections);
    expect(clients.flatMap((client) => client.all("closed"))).toEqual([]);
    for (const watcher of watchers) {
      for (const user of USERS) expect(watcher.of(user), user).toEqual([true, false, true]);
    }
    const after = await incarnations(redis(), cluster.prefix);
    expect([...after.keys()].sort()).toEqual(["n1", "n2", "n3"]);
    expect(after.get("n1")).toBe(before.get("n1"));
    expect(after.get("n2")).not.toBe(before.get("n2"));
  });

  test("the clients of a node that was declared dead are reachable again, by user and by group", async () => {
    await using cluster = await Cluster.start(redis(), SHORT_GRACE);
    const { n1, n2, n3 } = cluster;
    const watcher = await cluster.watcher(n1);
    const bob = await cluster.client("bob", n2);
    await bob.client.join("g");

    n2.pause();
    await watcher.until("bob", 2);
    await n1.post("/ws/message", { to: "bob", type: "n", data: "stored while away" });
    await n3.post("/groups/g/send", { type: "n", data: "stored in the group while away" });
    n2.continue();
    await watcher.until("bob", 3);
    await bob.until(() => bob.received.length === 2);
    for (const node of [n1, n3]) {
      await node.post("/ws/message", { to: "bob", type: "n", data: `to bob by ${node.id}`, ephemeral: true });
      await node.post("/groups/g/send", { type: "n", data: `to the group by ${node.id}`, ephemeral: true });
    }
    await bob.until(() => bob.received.length === 6);

    expect(bob.received.slice(0, 2).sort()).toEqual(["stored in the group while away", "stored while away"]);
    expect(bob.received.slice(2).sort()).toEqual([
      "to bob by n1",
      "to bob by n3",
      "to the group by n1",
      "to the group by n3",
    ]);
    expect((await n1.get("/groups/g/members")).body).toMatchObject({
      members: [{ user: "bob", online: true }],
    });
    expect((await n1.post("/users/bob/kick")).body).toEqual({ connections: 1, unconfirmed: 0 });
  });
});

test("a pause within the timeout changes nothing", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis, { CLUSTER_NODE_TIMEOUT: "30" });
  const { n1, n2 } = cluster;
  const watcher = await cluster.watcher(n1);
  const bob = await cluster.client("bob", n2);
  const before = await incarnations(redis, cluster.prefix);

  n2.pause();
  for (const data of [1, 2, 3]) await n1.post("/ws/message", { to: "bob", type: "n", data });
  n2.continue();
  await bob.until(() => bob.received.length === 3);

  expect(bob.received).toEqual([1, 2, 3]);
  expect(watcher.of("bob")).toEqual([true]);
  expect(await incarnations(redis, cluster.prefix)).toEqual(before);
});

test("a user who reconnected to another node while the first was paused keeps the newer connection", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis, { ...SHORT_GRACE, WEBSOCKET_ONE_PER_PLATFORM: "1" });
  const { n1, n2, n3 } = cluster;
  const watcher = await cluster.watcher(n3);
  const older = await cluster.client("bob", n2);
  await cluster.client("witness", n2);

  n2.pause();
  await watcher.until("witness", 2);
  const newer = await cluster.client("bob", n1);
  n2.continue();
  await watcher.until("witness", 3);

  expect(await older.status("closed")).toMatchObject({ code: 4502, willRetry: false });
  const { body } = await n3.get("/users/bob/connections");
  expect(body.connections).toMatchObject([{ id: newer.client.connection, node: "n1" }]);
  await n3.post("/ws/message", { to: "bob", type: "n", data: "hello", ephemeral: true });
  await newer.until(() => newer.received.length === 1);
  expect(newer.client.state).toBe("open");
});
