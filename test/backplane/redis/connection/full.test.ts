import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import type { Backplane, Degradation } from "../../../../src/backplane/backplane.ts";
import { eventually } from "../../../support/eventually.ts";
import { CHECKS_REPLICAS_IN_SCRIPTS } from "../../../support/redis/program.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { connectionOf, NO_RULES } from "../../contract/harness.ts";
import { createNode } from "./node.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

let messages = 0;
const messageTo = (channel: `group:${string}`, bytes = 10) => ({
  id: `m${++messages}`,
  type: "chat",
  body: JSON.stringify("x".repeat(bytes)),
  timestamp: Date.now(),
  channel,
});

const setting = async (name: string, value: string | number): Promise<void> => {
  await server.command("CONFIG", "SET", name, value);
};

/** Every command that may need memory is refused from here on, until the test is over. */
async function fill(): Promise<void> {
  onTestFinished(() => setting("maxmemory", 0));
  await setting("maxmemory", 1);
}

const usedMemory = async (): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(String(await server.command("INFO", "memory")))?.[1]);

/** What is degraded, but for the settings of this Redis, which are no part of these tests. */
const degradedOf = (node: { backplane: Backplane }): readonly Degradation[] =>
  node.backplane.health.degraded.filter(({ what }) => what !== "redis settings");

const FULL = { code: "unavailable", message: expect.stringContaining("Redis is full") };

it("reads, presence, logins, joins and ephemeral messages go on in a full Redis; what is stored is refused", async () => {
  const prefix = "full-1:";
  const node = await createNode(server.url, { prefix }).started();
  const other = await createNode(server.url, { prefix }).started();
  await node.broker.append(messageTo("group:g"));
  await fill();

  await expect(node.broker.append(messageTo("group:g"))).rejects.toMatchObject(FULL);
  await expect(node.broker.append(messageTo("group:new"))).rejects.toMatchObject(FULL);
  await expect(node.broker.append(messageTo("group:g"), "a key")).rejects.toMatchObject(FULL);
  await expect(node.idempotency.begin("another key", "{}")).rejects.toMatchObject(FULL);
  await expect(node.memberships.add("g", "alice")).rejects.toMatchObject(FULL);

  expect((await node.broker.history("group:g", { limit: 10 })).messages).toHaveLength(1);
  const alice = connectionOf(node, "alice");
  expect(await node.presence.arrive(alice, NO_RULES)).toMatchObject({ admitted: true });
  expect(await other.presence.connectionsOf("alice")).toMatchObject([{ id: alice.id }]);
  await node.routes.join("g", "alice");
  expect(await other.presence.inGroup("g")).toEqual(["alice"]);
  expect(await other.broker.relay(messageTo("group:g"))).toBe(1);
  await node.sink.until(() => node.sink.delivered.length === 1);
  expect(await node.cursors.move("alice", "web", "group:g", { offset: 1 })).toBe(1);
  await node.presence.depart(alice);
  await other.sink.until(() => other.sink.changesOf("alice").includes(false));
  expect(await node.cluster.nodes()).toHaveLength(2);
  await node.backplane.probe();
  expect(degradedOf(node)).toMatchObject([
    { what: "stored messages", why: FULL.message, since: expect.any(Number) },
  ]);
  expect(node.backplane.health.abilities).toMatchObject({ read: true, write: false, receive: true });
  expect(node.sink.reports).toEqual([]);
});

it("a node starts in a full Redis, and is degraded before anybody has published", async () => {
  await fill();
  const node = await createNode(server.url, { prefix: "full-2:" }).started();
  await eventually("the node knows", () => degradedOf(node).length === 1);
  await setting("maxmemory", 0);
  await eventually("the node knows", () => degradedOf(node).length === 0);
  await node.broker.append(messageTo("group:g"));
});

it("a transaction with many messages is refused as a whole", async () => {
  const node = await createNode(server.url, { prefix: "full-3:" }).started();
  const many = () =>
    Promise.allSettled(Array.from({ length: 40 }, () => node.broker.append(messageTo("group:g"))));
  await many();
  await many();
  await fill();
  for (const outcome of await many()) expect(outcome).toMatchObject({ status: "rejected", reason: FULL });
  expect((await node.broker.history("group:g", { limit: 1 })).last).toBe(80);
});

it("retention frees a full Redis in all channels by itself, and messages are stored again", async () => {
  const history = { count: 1_000, ageMs: 1_000 };
  const node = await createNode(server.url, { prefix: "full-4:", history }).started();
  const used = await usedMemory();
  onTestFinished(() => setting("maxmemory", 0));
  await setting("maxmemory", used + 2 * 2 ** 20);
  let refusal: unknown;
  for (let number = 0; refusal === undefined; number++) {
    await node.broker.append(messageTo(`group:${number % 20}`, 10_000)).catch((error: unknown) => {
      refusal = error;
    });
  }
  expect(refusal).toMatchObject(FULL);
  await eventually("Redis has room", () => degradedOf(node).length === 0);
  await eventually("retention has visited all channels", async () => (await usedMemory()) < used + 2 ** 20);
  await node.broker.append(messageTo("group:after", 10_000));
  // Heavy channels may have given way before their messages were old enough.
  const isRelief = (report: string): boolean => report.includes("Redis is nearly full");
  expect(node.sink.reports.filter((report) => !isRelief(report))).toEqual([]);
});

it("a Redis without enough replicas is read, and takes neither messages nor logins until it has them", async () => {
  const node = await createNode(server.url, { prefix: "full-5:" }).started();
  await node.broker.append(messageTo("group:g"));
  onTestFinished(() => setting("min-replicas-to-write", 0));
  await setting("min-replicas-to-write", 1);
  const refused = { code: "unavailable", message: expect.stringContaining("too few replicas") };
  if (!CHECKS_REPLICAS_IN_SCRIPTS) {
    await expect(node.broker.append(messageTo("group:g"))).resolves.toMatchObject({ offset: 2 });
    return;
  }
  await expect(node.broker.append(messageTo("group:g"))).rejects.toMatchObject(refused);
  expect((await node.broker.history("group:g", { limit: 10 })).messages).toHaveLength(1);
  expect(await node.presence.count()).toEqual({ users: 0, connections: 0 });
  await expect(node.backplane.probe()).rejects.toMatchObject(refused);
  await setting("min-replicas-to-write", 0);
  await eventually("the node takes logins", () =>
    node.backplane.probe().then(Boolean.bind(null, true), () => false),
  );
  await node.broker.append(messageTo("group:g"));
});

it("a Redis that cannot save to its disk is read, and takes neither messages nor logins until it can", async () => {
  const node = await createNode(server.url, { prefix: "full-6:" }).started();
  await node.broker.append(messageTo("group:g"));
  onTestFinished(() => setting("save", ""));
  await setting("save", "3600 1000000");
  await server.canSave(false);
  const refused = { code: "unavailable", message: expect.stringContaining("cannot save its data to disk") };

  await expect(node.broker.append(messageTo("group:g"))).rejects.toMatchObject(refused);
  await expect(node.presence.arrive(connectionOf(node, "alice"), NO_RULES)).rejects.toMatchObject(refused);
  await expect(node.backplane.probe()).rejects.toMatchObject(refused);
  expect((await node.broker.history("group:g", { limit: 10 })).messages).toHaveLength(1);
  expect(await node.presence.count()).toEqual({ users: 0, connections: 0 });
  expect(degradedOf(node)).toMatchObject([{ what: "stored messages", why: refused.message }]);

  await server.canSave(true);
  await eventually("the node takes logins", () =>
    node.backplane.probe().then(Boolean.bind(null, true), () => false),
  );
  await node.broker.append(messageTo("group:g"));
  expect(degradedOf(node)).toEqual([]);
});
