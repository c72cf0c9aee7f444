import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { startCluster, upTo } from "../../contract/harness.ts";
import { redisOn } from "../harness.ts";
import { allHave, appendTo, COUNT, groupOf, idsOf, listOf, pushes, reads } from "./transactions.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => server.command("FLUSHALL"));
afterAll(() => server[Symbol.asyncDispose]());

const implementation = redisOn(() => server);

/** Number of times Redis has run a command, in scripts too. */
async function calls(command: string): Promise<number> {
  const info = String(await server.command("INFO", "commandstats"));
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
}

test("many messages of a tick cost one transaction with a command each, no script, and two PUBLISH for each target node", async () => {
  await using cluster = await startCluster(implementation, {}, 2);
  const { node, other } = cluster;
  const channels = upTo(COUNT).map((number) => `group:g${number}` as const);
  for (const channel of channels) await other.routes.join(channel.slice(6), "alice");
  const send = () => Promise.all(channels.map((channel) => node.broker.append(cluster.message(channel))));
  await send(); // from here on the append targets are known
  await allHave({ nodes: [other] }, COUNT);
  const names = ["evalsha", "exec", "rpushx", "publish"];
  const before = await Promise.all(names.map(calls));

  const appended = await send();
  await allHave({ nodes: [other] }, 2 * COUNT);

  const after = await Promise.all(names.map(calls));
  expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([0, 1, COUNT, 2]);
  expect(appended.map(({ offset }) => offset)).toEqual(channels.map(() => 2));
  expect(idsOf(other.sink.delivered.slice(COUNT))).toEqual(idsOf(appended));
});

test("messages of a transaction are counted one by one on both sides", async () => {
  await using cluster = await groupOf(implementation, 2);
  const { node, other } = cluster;
  const out = node.backplane.traffic?.messages.out.stored ?? 0;
  const into = other.backplane.traffic?.messages.in.stored ?? 0;

  await Promise.all(appendTo(cluster, node, COUNT));
  await allHave(cluster, COUNT + 2);

  expect(pushes(node)).toBe(1);
  expect((node.backplane.traffic?.messages.out.stored ?? 0) - out).toBe(2 * COUNT); // to both nodes
  expect((other.backplane.traffic?.messages.in.stored ?? 0) - into).toBe(COUNT);
});

test("nodes that append to one channel at once deliver one order, and none reads the history", async () => {
  await using cluster = await groupOf(implementation, 3);
  const before = cluster.nodes.map(reads);

  const appended: Promise<unknown>[] = [];
  for (const round of upTo(30)) {
    // Some by a transaction, some by the script.
    for (const [index, node] of cluster.nodes.entries()) {
      appended.push(...appendTo(cluster, node, (round + index) % 3 === 0 ? 5 : COUNT));
    }
    await (round % 5 === 0 ? Promise.all(appended) : nextTurn());
  }
  await Promise.all(appended);
  const total = appended.length + 3;
  await allHave(cluster, total);

  for (const node of cluster.nodes) {
    expect(node.sink.offsets("group:g")).toEqual(upTo(total));
    expect(pushes(node)).toBeGreaterThan(0);
  }
  expect(cluster.nodes.map(reads)).toEqual(before);
  const ids = cluster.nodes.map(({ sink }) => idsOf(sink.delivered));
  expect(ids[1]).toEqual(ids[0]);
  expect(ids[2]).toEqual(ids[0]);
});

test("messages whose list has another key by now are appended by the script, once, in order", async () => {
  await using cluster = await groupOf(implementation, 2);
  const { node, other } = cluster;
  const scripts = (): number => node.backplane.traffic?.scripts.append ?? 0;
  const before = scripts();
  const appended: Promise<{ id: string; offset: number }>[] = [];

  for (const _ of upTo(20)) {
    // A change of the channel's nodes changes the key of the list.
    const rejoined = other.routes.leave("g", "alice").then(() => other.routes.join("g", "alice"));
    for (const _ of upTo(3)) {
      appended.push(...appendTo(cluster, node, COUNT));
      await nextTurn();
    }
    await rejoined;
  }
  const answers = await Promise.all(appended);
  await allHave({ nodes: [node] }, answers.length + 2);

  expect(answers.map(({ offset }) => offset)).toEqual(answers.map((_, index) => index + 3));
  expect(idsOf(node.sink.delivered.slice(2))).toEqual(idsOf(answers));
  expect(pushes(node)).toBeGreaterThan(0);
  expect(scripts()).toBeGreaterThan(before);
});

test("messages for many nodes are appended by the script, which gets their payload once", async () => {
  await using cluster = await groupOf(implementation, 6);
  const { node } = cluster;
  const before = pushes(node);

  await Promise.all(appendTo(cluster, node, COUNT));
  await allHave(cluster, COUNT + 6);

  expect(pushes(node)).toBe(before);
});

test("a list that becomes too long is trimmed", async () => {
  await using cluster = await groupOf(implementation, 1, { count: 80 });
  const { node } = cluster;

  for (const _ of upTo(10)) {
    await Promise.all(appendTo(cluster, node, COUNT));
    await eventually(
      "the history is trimmed",
      async () => Number(await server.command("LLEN", await listOf(server))) <= 90,
    );
  }

  expect(pushes(node)).toBeGreaterThan(0);
  await allHave(cluster, 10 * COUNT + 1);
  expect(node.sink.offsets("group:g")).toEqual(upTo(10 * COUNT + 1));
  const { first, last } = await node.broker.history("group:g", { limit: 1 });
  expect({ first, last }).toEqual({ first: 10 * COUNT - 78, last: 10 * COUNT + 1 });
});
