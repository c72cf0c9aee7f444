import { setImmediate as nextTurn } from "node:timers/promises";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import type { StoredMessage } from "../../../../src/backplane/backplane.ts";
import { eventually } from "../../../support/eventually.ts";
import { RedisCluster, RedisServer } from "../../../support/redis/redis.ts";
import { type StartedCluster, startCluster, upTo } from "../../contract/harness.ts";
import { IMPATIENT, redisOn } from "../harness.ts";

const implementationOn = (server: RedisServer) =>
  redisOn(() => ({ url: server.url, masters: [server] }), undefined, IMPATIENT);

/** Publishes three messages to a group that the node has joined. @returns the name of the list of its history */
async function threeMessages({ node, message }: StartedCluster, server: RedisServer) {
  await node.routes.join("g", "alice");
  for (const id of ["one", "two", "three"]) await node.broker.append(message("group:g", { id }));
  await node.sink.until(() => node.sink.delivered.length === 3);
  const [list = ""] = (await server.command("KEYS", "*:h:group:g:*")) as string[]; // KEYS answers with names
  return list;
}

/** Cuts the subscriptions of all nodes. */
const cut = (server: RedisServer) => server.command("CLIENT", "KILL", "TYPE", "pubsub");

const deliveredTo = ({ node }: StartedCluster) =>
  node.sink.delivered.map((message) => `${message.id} ${(message as StoredMessage).offset}`); // all are stored

test("messages published while a node was not subscribed are delivered once, in order", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server), {}, 2);
  const { node, other, message } = cluster;
  await threeMessages(cluster, server);

  await cut(server);
  for (let number = 4; number <= 50; number++) {
    await other.broker.append(message("group:g", { id: `m${number}` })).catch(() => undefined);
  }
  const [position] = await lastPosition(cluster);
  await node.sink.until(() => node.sink.offsets("group:g").at(-1) === position?.offset);

  const offsets = node.sink.offsets("group:g");
  expect(offsets).toEqual(Array.from({ length: offsets.length }, (_, index) => index + 1));
  expect(node.sink.losses).toEqual([]);
});

test("appends fail while Redis hangs, and succeed when it continues", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server));
  const { node, message } = cluster;
  await threeMessages(cluster, server);

  server.pause();
  await expect(node.broker.append(message("group:g"))).rejects.toMatchObject({ code: "unavailable" });
  await expect(node.broker.append(message("group:g"))).rejects.toMatchObject({ code: "unavailable" });
  server.continue();

  await eventually("a message is stored again", () =>
    node.broker.append(message("group:g", { id: "later" })).then(
      () => true,
      () => false,
    ),
  );
  await node.sink.until(() => node.sink.delivered.at(-1)?.id === "later");
});

test("appends in flight fail when Redis crashes, and the node recovers when Redis has restarted", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server));
  const { node, message } = cluster;
  await threeMessages(cluster, server);
  node.sink.report = () => undefined;
  const events: string[] = [];

  server.pause();
  const failed = node.broker.append(message("group:g")).catch(({ message }: Error) => events.push(message));
  await nextTurn(); // messages are sent once a tick
  await server.kill();
  await server.restart();
  await lastPosition(cluster);
  events.push("back");
  await failed;

  expect(events).toEqual(["Redis is unavailable: the connection has ended", "back"]);
});

test("appends in flight when a connection to a master of a Redis Cluster breaks are stored once, or not at all", async () => {
  await using redis = await RedisCluster.start();
  await using cluster = await startCluster(redisOn(() => redis));
  const { node, message } = cluster;
  node.sink.report = () => undefined;
  const groups = upTo(8).map((number) => `group:${number}` as const);
  const isBack = () => node.broker.positions(groups).then(Boolean, () => false);

  for (const master of [...redis.masters, ...redis.masters]) {
    const killer = new Redis(master.port, "127.0.0.1");
    await killer.ping();
    const outcomes: Promise<unknown>[] = [];
    for (const tick of upTo(40)) {
      if (tick === 20)
        killer.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").catch(() => undefined);
      for (const group of groups) outcomes.push(node.broker.append(message(group)).catch(String));
      await nextTurn();
    }
    await Promise.all(outcomes);
    killer.disconnect();
    await eventually("the masters answer", isBack);
  }

  for (const group of groups) {
    const { messages, last } = await node.broker.history(group, { limit: 1_000 });
    expect(last).toBeGreaterThan(0);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(last);
  }
});

test("a history that lost its last message, as on a replica, continues under another epoch", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server));
  const { node, message } = cluster;
  const list = await threeMessages(cluster, server);
  const [before] = await node.broker.positions(["group:g"]);

  await server.command("RPOP", list);
  await cut(server);
  await node.sink.until(() => node.sink.losses.length > 0);

  const [loss] = node.sink.losses;
  expect(loss).toMatchObject({ channel: "group:g", position: { offset: 2 } });
  expect(loss?.position.epoch).not.toBe(before?.epoch);
  await lastPosition(cluster);
  expect(await node.broker.append(message("group:g", { id: "new" }))).toMatchObject({
    epoch: loss?.position.epoch,
    offset: 3,
  });
  expect(deliveredTo(cluster)).toEqual(["one 1", "two 2", "three 3", "new 3"]);
});

test("a history with another message at a delivered offset continues under another epoch", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server));
  const { node, message } = cluster;
  const list = await threeMessages(cluster, server);

  const line = String(await server.command("RPOP", list));
  await server.command("RPUSH", list, line.replace("three", "other"));
  await cut(server);
  await node.sink.until(() => node.sink.losses.length > 0);

  expect(node.sink.losses).toMatchObject([{ channel: "group:g", position: { offset: 3 } }]);
  await lastPosition(cluster);
  await node.broker.append(message("group:g", { id: "new" }));
  expect(deliveredTo(cluster)).toEqual(["one 1", "two 2", "three 3", "new 4"]);
});

/** The position of the group, asked until the node is up. */
const lastPosition = ({ node }: StartedCluster) =>
  eventually("the node answers", () => node.broker.positions(["group:g"]).catch(() => undefined));
