import { afterAll, beforeAll, expect, test } from "vitest";
import { partitionOfUser } from "../../../../src/backplane/redis/wire/keys.ts";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { connectionOf, NO_RULES, type StartedCluster, startCluster } from "../../contract/harness.ts";
import { redisOn } from "../harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Two nodes on an empty Redis; bob is connected to the second one. */
async function startNodes(): Promise<StartedCluster> {
  await server.command("FLUSHALL");
  const cluster = await startCluster(
    redisOn(() => server),
    {},
    2,
  );
  await cluster.other.presence.arrive(connectionOf(cluster.other, "bob"), NO_RULES);
  await cluster.other.broker.positions(["user:bob"]);
  return cluster;
}

/** Deletes the keys of bob's partition whose names match. */
async function lose(pattern: string): Promise<number> {
  const keys = (await server.command("KEYS", `*{${partitionOfUser("bob")}}:${pattern}`)) as string[]; // names
  return Number(await server.command("DEL", ...keys));
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
