import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisServer } from "../support/redis/redis.ts";
import { startCluster, upTo } from "./harness.ts";
import { redisOn } from "./redis-harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const implementation = redisOn(() => server);

test("an append is answered, also when the channel's position was read before the message came in", async () => {
  await using cluster = await startCluster(implementation);
  const { broker } = cluster.node;

  for (const number of upTo(100)) {
    const group = `g${number}`;
    await broker.join(group, "alice");
    const appended = broker.append(cluster.message(`group:${group}`));
    await nextTurn(); // now the append is on its way, and the question behind it
    await broker.positions([`group:${group}`]);
    expect(await appended).toMatchObject({ offset: 1, duplicate: false });
  }
});

test("an append is answered, also when the last member leaves before the message comes in", async () => {
  await using cluster = await startCluster(implementation);
  const { broker } = cluster.node;

  for (const number of upTo(100)) {
    const group = `g${number}`;
    await broker.join(group, "alice");
    await broker.positions([`group:${group}`]);
    const appended = broker.append(cluster.message(`group:${group}`));
    await nextTurn();
    await broker.leave(group, "alice");
    expect(await appended).toMatchObject({ offset: 1, duplicate: false });
  }
});

test("a publish with a key is answered, also when its receiver joins while the key is looked up", async () => {
  await using cluster = await startCluster(implementation);
  const { node } = cluster;
  for (const number of upTo(100)) {
    const channel = `group:g${number}` as const;
    await node.broker.append(cluster.message(channel)); // known, and without members
    const appended = [
      node.broker.append(cluster.message(channel), `key${number}`),
      node.broker.append(cluster.message(channel)),
    ];
    await nextTurn(); // now the key is looked up
    await node.broker.join(`g${number}`, "alice");
    expect((await Promise.all(appended)).map(({ offset }) => offset)).toEqual([2, 3]);
  }
});

test("what comes after a publish with a key does not overtake it, however much is under way", async () => {
  await using cluster = await startCluster(implementation, { count: 100_000 });
  const { broker } = cluster.node;
  for (const round of upTo(10)) {
    const appended = upTo(3_000).map((number) =>
      broker.append(cluster.message("group:g"), number % 700 === 0 ? `${round} ${number}` : undefined),
    );
    const offsets = (await Promise.all(appended)).map(({ offset }) => offset);
    expect(offsets).toEqual(upTo(3_000).map((number) => (round - 1) * 3_000 + number));
  }
});
