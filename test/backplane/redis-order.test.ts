import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisServer } from "../support/redis.ts";
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
