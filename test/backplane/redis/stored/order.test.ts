import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Appended } from "../../../../src/backplane/backplane.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { startCluster, upTo } from "../../contract/harness.ts";
import { expectLosses, redisOn } from "../harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const implementation = redisOn(() => server);

test("an append resolves even if the channel's position is read before the message arrives", async () => {
  await using cluster = await startCluster(implementation);
  const { broker, routes } = cluster.node;

  for (const number of upTo(100)) {
    const group = `g${number}`;
    await routes.join(group, "alice");
    const appended = broker.append(cluster.message(`group:${group}`));
    await nextTurn(); // the append is in flight, and the positions are asked for behind it
    await broker.positions([`group:${group}`]);
    expect(await appended).toMatchObject({ offset: 1, duplicate: false });
  }
});

test("an append resolves even if the last member leaves before the message arrives", async () => {
  await using cluster = await startCluster(implementation);
  const { broker, routes } = cluster.node;

  for (const number of upTo(100)) {
    const group = `g${number}`;
    await routes.join(group, "alice");
    await broker.positions([`group:${group}`]);
    const appended = broker.append(cluster.message(`group:${group}`));
    await nextTurn();
    await routes.leave(group, "alice");
    expect(await appended).toMatchObject({ offset: 1, duplicate: false });
  }
});

test("an append with an idempotency key resolves even if a member joins while the key is reserved", async () => {
  await using cluster = await startCluster(implementation);
  const { node } = cluster;
  for (const number of upTo(100)) {
    const channel = `group:g${number}` as const;
    await node.broker.append(cluster.message(channel)); // its append target is known now, without members
    const appended = [
      node.broker.append(cluster.message(channel), `key${number}`),
      node.broker.append(cluster.message(channel)),
    ];
    await nextTurn(); // the key is being reserved
    await node.routes.join(`g${number}`, "alice");
    expect((await Promise.all(appended)).map(({ offset }) => offset)).toEqual([2, 3]);
  }
});

test("later messages do not overtake one with an idempotency key, however many are in flight", async () => {
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

test.for([
  { what: "loses its data", command: ["FLUSHALL"] },
  { what: "forgets its scripts", command: ["SCRIPT", "FLUSH"] },
])("messages keep their order while Redis $what", async ({ command: [name, ...args] }) => {
  await using cluster = await startCluster(implementation, { count: 100_000 });
  expectLosses(cluster);
  const { broker } = cluster.node;
  for (const round of upTo(40)) {
    await broker.append(cluster.message("group:g"));
    const commands: Promise<unknown>[] = [];
    const appended: Promise<Appended>[] = [];
    for (const number of upTo(60)) {
      if (number === 3) commands.push(server.command(`${name}`, ...args));
      const key = number % 7 === 0 ? `${round} ${number}` : undefined;
      for (const _ of upTo(4)) appended.push(broker.append(cluster.message("group:g")));
      appended.push(broker.append(cluster.message("group:g"), key));
      await nextTurn();
      // Another call of the partition may find the loss first.
      if (number % 2 === 0) commands.push(broker.positions(["group:g"]));
    }
    const positions = (await Promise.all(appended)).map(({ epoch, offset }) => ({ epoch, offset }));
    const epochs = [...new Set(positions.map(({ epoch }) => epoch))];
    const sorted = positions.toSorted(
      (one, other) => epochs.indexOf(one.epoch) - epochs.indexOf(other.epoch) || one.offset - other.offset,
    );
    expect(positions).toEqual(sorted);
    await Promise.all(commands);
  }
});
