import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { Partitions } from "../../../../src/backplane/redis/partitions/partitions.ts";
import { partitionOfUser } from "../../../../src/backplane/redis/wire/keys.ts";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import {
  type ClusterOptions,
  connectionOf,
  NO_RULES,
  type StartedCluster,
  startCluster,
} from "../../contract/harness.ts";
import { createNode } from "../connection/node.ts";
import { expectLosses, IMPATIENT, redisOn } from "../harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Two nodes on an empty Redis; bob is connected to the second one. */
async function startNodes(options: ClusterOptions = {}): Promise<StartedCluster> {
  await server.command("FLUSHALL");
  const cluster = await startCluster(
    redisOn(() => server, undefined, IMPATIENT),
    options,
    2,
  );
  expectLosses(cluster);
  await cluster.other.presence.arrive(connectionOf(cluster.other, "bob"), NO_RULES);
  await cluster.other.broker.positions(["user:bob"]);
  return cluster;
}

/** Deletes the keys of bob's partition whose names match. */
async function lose(pattern: string): Promise<number> {
  return Number(await server.command("DEL", ...(await keysOf(partitionOfUser("bob"), pattern))));
}

test.each(["*", "birth"])(
  "keys %s of a partition are deleted: the next call finds out, the loss is told, and members are announced again",
  async (pattern) => {
    await using cluster = await startNodes();
    const { node, other, message } = cluster;
    const { epoch } = await node.broker.append(message("user:bob"));
    await other.sink.until(() => other.sink.delivered.length === 1);

    expect(await lose(pattern)).toBeGreaterThan(0);
    await node.broker.positions(["user:bob"]);
    const next = await node.broker.append(message("user:bob", { id: "next" }));
    await other.sink.until(() => other.sink.losses.length > 0);
    await other.sink.until(() => other.sink.delivered.some(({ id }) => id === "next"));

    expect(next.epoch).not.toBe(epoch);
    expect(other.sink.losses).toEqual([{ channel: "user:bob", position: { epoch: next.epoch, offset: 0 } }]);
    expect(other.sink.changesOf("bob")).toEqual([true]);
    await eventually("bob is listed", async () => (await node.presence.connectionsOf("bob")).length === 1);
    await eventually("bob's node gets his messages", async () => {
      const before = other.sink.delivered.length;
      await node.broker.append(message("user:bob"));
      return other.sink.delivered.length > before;
    });
  },
);

test("a partition is lost while a node only reads: the reader is told of another history, never of a new one", async () => {
  await using cluster = await startNodes();
  const { node, other, message } = cluster;
  const { epoch } = await node.broker.append(message("user:bob"));
  await other.sink.until(() => other.sink.delivered.length === 1);

  await lose("*");
  const page = await node.broker.history("user:bob", { limit: 10 });

  expect(page).toMatchObject({ last: 0, messages: [] });
  expect(page.epoch.split(".")[0]).not.toBe(epoch.split(".")[0]);
  await other.sink.until(() => other.sink.losses.length === 1);
});

test("after a loss a user who seems offline may be online, until all nodes have announced theirs again", async () => {
  await using cluster = await startNodes({ heartbeatMs: 100 });
  const { sink, presence } = cluster.node;
  await eventually("all nodes have announced theirs", () => sink.isSettled());

  await lose("*");
  await presence.isOnline("bob");

  expect(sink.isSettled()).toBe(false);
  await eventually("all nodes have announced theirs", () => sink.isSettled());
  expect(await presence.isOnline("bob")).toBe(true);
});

test("Redis goes back to data that were lost before: they get another epoch, and keep their messages", async () => {
  await using cluster = await startNodes();
  const { node, other, message } = cluster;
  const ids = ["m1", "m2", "m3"];
  for (const id of ids) await node.broker.append(message("user:bob", { id }));
  const [first] = await node.broker.positions(["user:bob"]);
  for (const key of (await server.command("KEYS", "*")) as string[])
    await server.command("COPY", key, key, "DB", 1); // names
  await server.command("FLUSHDB");
  const second = await node.broker.append(message("user:bob", { id: "stored-between" }));
  const { losses } = other.sink;
  await other.sink.until(() => losses.length === 1);

  await server.command("SWAPDB", 0, 1);
  const page = await node.broker.history("user:bob", { limit: 10 });
  const next = await other.broker.append(message("user:bob", { id: "next" }));
  await other.sink.until(() => other.sink.delivered.some(({ id }) => id === "next"));

  expect(page.messages.map(({ id }) => id)).toEqual(ids);
  expect(next).toMatchObject({ epoch: page.epoch, offset: 4 });
  expect(new Set([first?.epoch, second.epoch, page.epoch]).size).toBe(3);
  expect(losses.map(({ position }) => position.epoch)).toEqual([second.epoch, page.epoch]);
});

test("births rise, whatever the clock of Redis says: none of two nodes replaces that of the other", async () => {
  await using cluster = await startNodes();
  const { node, other } = cluster;
  const birth = `*{${partitionOfUser("bob")}}:birth`;
  const [key = ""] = (await server.command("KEYS", birth)) as string[]; // names
  const inTheFuture = "fffffffffff-future";
  await server.command("SET", key, inTheFuture);
  for (const { broker } of cluster.nodes) await broker.positions(["user:bob"]);

  await server.command("DEL", key);
  const epochs: (string | undefined)[] = [];
  for (const { broker } of [node, other, node, other])
    epochs.push((await broker.positions(["user:bob"]))[0]?.epoch);

  expect(new Set(epochs).size).toBe(1);
  const born = String(await server.command("GET", key));
  expect(born).toMatch(/^100000000000-/);
  expect(epochs[0]?.split(".")[0]).toBe(born.slice("100000000000-".length));
});

test("messages to many partitions, one of which is lost meanwhile, are stored once each and in order", async () => {
  await using cluster = await startNodes();
  const { node, other, message } = cluster;
  const users = Array.from({ length: 20 }, (_, index) => `u${index}`).concat("bob");
  for (const user of users) await other.presence.arrive(connectionOf(other, user), NO_RULES);
  for (const user of users) await node.broker.append(message(`user:${user}`));

  await lose("*");
  const appended = await Promise.all(
    Array.from({ length: 10 }).flatMap(() =>
      users.map((user) => node.broker.append(message(`user:${user}`))),
    ),
  );

  const lost = partitionOfUser("bob");
  for (const user of users) {
    const offsets = appended
      .filter((_, index) => users[index % users.length] === user)
      .map(({ offset }) => offset);
    const before = partitionOfUser(user) === lost ? 0 : 1;
    expect(offsets, user).toEqual(Array.from({ length: 10 }, (_, index) => before + index + 1));
  }
});

test("a partition is lost while its node reconciles it: users who stay are announced no second time, who left is offline", async () => {
  const node = await createNode(server.url, { prefix: "lost:", graceMs: 300, heartbeatMs: 500 }).started();
  const [bob, gone] = [connectionOf(node, "bob"), connectionOf(node, neighboursOf("bob", 1)[0] ?? "")];
  for (const connection of [bob, gone]) await node.presence.arrive(connection, NO_RULES);
  await node.sink.until(() => node.sink.changesOf(gone.user).length === 1);
  await node.presence.depart(gone);
  const lost = loseAfterChecks(partitionOfUser("bob"));

  await server.command("CLIENT", "KILL", "TYPE", "pubsub");
  await lost;
  await node.sink.until(() => node.sink.changesOf(gone.user).length === 2);

  expect(node.sink.changesOf(gone.user)).toEqual([true, false]);
  await eventually("bob is listed", async () => {
    const found = await node.presence.connectionsOf("bob").catch(() => []);
    return found.length === 1;
  });
  expect(node.sink.changesOf("bob")).toEqual([true]);
});

test("serial numbers of a partition are deleted: none is given twice, also before a comparison finds out", async () => {
  await using cluster = await startNodes();
  const { node, message } = cluster;
  const partition = partitionOfUser("bob");
  const serial = async () => Number(await server.command("GET", ...(await keysOf(partition, "serial"))));
  for (const user of neighboursOf("bob", 5)) await node.broker.append(message(`user:${user}`));
  const given = await serial();

  expect(await lose("serial")).toBe(1);
  const [, , , , , another] = neighboursOf("bob", 6);
  await node.broker.append(message(`user:${another}`));

  expect(await serial()).toBeGreaterThan(given);
});

const keysOf = async (partition: number, name: string): Promise<string[]> =>
  (await server.command("KEYS", `*{${partition}}:${name}`)) as string[]; // names

/** Other users of the same partition. */
function neighboursOf(user: string, count: number): string[] {
  const found: string[] = [];
  for (let number = 0; found.length < count; number++) {
    if (partitionOfUser(`other-${number}`) === partitionOfUser(user)) found.push(`other-${number}`);
  }
  return found;
}

/** Deletes a partition right after a node has found it as it knows it. Resolves when that has happened. */
function loseAfterChecks(partition: number): Promise<void> {
  const { check } = Partitions.prototype;
  const { promise, resolve } = Promise.withResolvers<void>();
  let isLost = false;
  const spy = vi.spyOn(Partitions.prototype, "check").mockImplementation(async function (
    this: Partitions,
    one,
  ) {
    await check.call(this, one);
    if (one !== partition || isLost) return;
    isLost = true;
    await lose("*");
    resolve();
  });
  onTestFinished(() => spy.mockRestore());
  return promise;
}
