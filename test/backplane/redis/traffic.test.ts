import { expect, test } from "vitest";
import { RedisServer } from "../../support/redis/redis.ts";
import { acquaint, startCluster, upTo } from "../contract/harness.ts";
import { redisOn } from "./harness.ts";

const COUNT = 100;

const implementationOn = (server: RedisServer) => redisOn(() => server);

/** Calls of a command in Redis, including those from scripts. */
async function calls(server: RedisServer, command: string): Promise<number> {
  const info = String(await server.command("INFO", "commandstats"));
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
}

/** Commands of all clients during some work, without those that this measurement sends. */
async function commandsDuring(server: RedisServer, work: () => Promise<void>): Promise<number> {
  const total = async (): Promise<number> => {
    const info = String(await server.command("INFO", "stats"));
    return Number(/total_commands_processed:(\d+)/.exec(info)?.[1]);
  };
  const own = -(await total()) + (await total());
  const before = await total();
  await work();
  return (await total()) - before - own;
}

test("the ephemeral messages of a tick are one PUBLISH for each node that has receivers", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server), {}, 3);
  const [node, ...others] = cluster.nodes;
  const groups = upTo(COUNT).map((number) => `g${number}`);
  for (const { routes } of others) for (const group of groups) await routes.join(group, "alice");
  const relay = async (): Promise<void> => {
    await Promise.all(groups.map((group) => node?.broker.relay(cluster.message(`group:${group}`))));
  };
  await relay(); // looks up the route of each group
  for (const { sink } of others) await sink.until(() => sink.delivered.length === COUNT);
  const before = await calls(server, "publish");

  await relay();
  for (const { sink } of others) await sink.until(() => sink.delivered.length === 2 * COUNT);

  expect((await calls(server, "publish")) - before).toBe(2);
});

test("an ephemeral message whose receivers are all on its node costs Redis nothing", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server), {}, 2);
  const { broker, routes } = cluster.node;
  await routes.join("g", "alice");
  await broker.relay(cluster.message("group:g"));

  const commands = await commandsDuring(server, async () => {
    for (const _ of upTo(COUNT)) expect(broker.relay(cluster.message("group:g"))).toBe(0);
  });

  expect(commands).toBe(0);
});

test("the stored messages of a tick are one script call, and one PUBLISH for each node that has receivers", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server), {}, 2);
  const { node, other } = cluster;
  const groups = upTo(COUNT).map((number) => `g${number}`);
  for (const group of groups) await other.routes.join(group, "alice");
  await node.broker.append(cluster.message("all")); // makes the script known to Redis
  await other.sink.until(() => other.sink.delivered.length === 1);
  const before = {
    scripts: { ...node.backplane.traffic?.scripts },
    publishes: await calls(server, "publish"),
  };

  await Promise.all(groups.map((group) => node.broker.append(cluster.message(`group:${group}`))));
  await other.sink.until(() => other.sink.delivered.length === COUNT + 1);

  // By name: the comparison with Redis runs scripts of its own meanwhile.
  const ran = (name: string): number =>
    (node.backplane.traffic?.scripts[name] ?? 0) - (before.scripts[name] ?? 0);
  expect(["append", "lookup", "read", "positions"].map(ran)).toEqual([1, 0, 0, 0]);
  expect((await calls(server, "publish")) - before.publishes).toBe(1);
});

test("a long payload of stored messages travels apart from its offsets, and the order is kept", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server), {}, 2);
  const { node, other } = cluster;
  await other.routes.join("g", "alice");
  await node.broker.append(cluster.message("group:g")); // caches the append target of the group
  const before = await calls(server, "publish");

  const sent = upTo(2 * COUNT).map(() => cluster.message("group:g"));
  const body = JSON.stringify("x".repeat(200));
  const appended = await Promise.all(sent.map((message) => node.broker.append({ ...message, body })));
  await other.sink.until(() => other.sink.delivered.length === sent.length + 1);

  expect((await calls(server, "publish")) - before).toBe(2);
  expect(other.sink.delivered.slice(1).map(({ id }) => id)).toEqual(sent.map(({ id }) => id));
  expect(appended.map(({ offset }) => offset)).toEqual(sent.map((_, index) => index + 2));
});

test("messages are counted one by one on both sides, however they travel", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server), {}, 2);
  const { node, other } = cluster;
  await other.routes.join("g", "alice");

  for (const _ of upTo(COUNT)) void node.broker.relay(cluster.message("group:g"));
  for (const _ of upTo(COUNT)) void node.broker.append(cluster.message("group:g"));
  await other.sink.until(() => other.sink.delivered.length === 2 * COUNT);
  await node.backplane.probe(); // arrives after the answer of the script

  const counts = { ephemeral: COUNT, stored: COUNT };
  expect(node.backplane.traffic?.messages.out).toMatchObject(counts);
  expect(other.backplane.traffic?.messages.in).toMatchObject(counts);
});

test("long ephemeral messages of a tick are sent a few at a time", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server), {}, 2);
  const { node, other } = cluster;
  await acquaint(cluster);
  const before = await calls(server, "publish");

  const body = JSON.stringify("x".repeat(40_000));
  for (const _ of upTo(10)) void node.broker.relay({ ...cluster.message("group:g"), body });
  await other.sink.until(() => other.sink.delivered.length === 10);

  expect((await calls(server, "publish")) - before).toBe(5);
});

test("the data of a message to many users travels once for each node and payload", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server), {}, 2);
  const { node, other } = cluster;
  const groups = upTo(COUNT).map((number) => `g${number}`);
  for (const group of groups) await other.routes.join(group, "alice");
  const body = JSON.stringify("x".repeat(10_000));
  const content = {};
  const send = () =>
    Promise.all(groups.map((g) => node.broker.relay({ ...cluster.message(`group:${g}`), body, content })));
  await send(); // caches the routes of the groups
  await other.sink.until(() => other.sink.delivered.length === COUNT);
  const bytesOut = () => node.backplane.traffic?.bytes.out ?? 0;
  const before = bytesOut();

  await send();
  await other.sink.until(() => other.sink.delivered.length === 2 * COUNT);

  expect(bytesOut() - before).toBeLessThan(2 * body.length);
  expect(new Set(other.sink.delivered.map((message) => message.body))).toEqual(new Set([body]));
});

test("an invalidation counts for messages of the same tick that are not sent yet", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server), {}, 2);
  const { node, other } = cluster;
  await acquaint(cluster);
  const lookUps = (): number => node.backplane.traffic?.scripts.lookup ?? 0;
  const before = lookUps();
  const message = cluster.message("group:g");
  node.sink.deliver = () => ({ connections: Number(node.broker.relay(message)), dropped: 0 });

  // One payload: a message, upon which the node sends another one, and the invalidation of the group's route.
  const payload = "1\nM\x1fchat\x1f1\x1f\x1eid\x1fnull\x1fuser:x\nI\x1fgroup:g";
  const channels = (await server.command("PUBSUB", "CHANNELS", "*inbox:*")) as string[]; // answers with names
  for (const channel of channels) await server.command("PUBLISH", channel, payload);
  await other.sink.until(() => other.sink.delivered.some(({ id }) => id === message.id));

  expect(lookUps()).toBe(before + 1);
});

test("a payload of another version is reported, and nothing else happens", async () => {
  await using server = await RedisServer.start();
  await using cluster = await startCluster(implementationOn(server));
  const { node } = cluster;
  const reported: unknown[] = [];
  node.sink.report = (_, error) => reported.push(error);
  const [channel = ""] = (await server.command("PUBSUB", "CHANNELS", "*inbox:*")) as string[]; // answers with names

  await server.command("PUBLISH", channel, "9\nM\x1fnothing");
  await server.command("PUBLISH", channel, "1\nZ\x1fa kind of the next version");
  await node.backplane.probe();

  expect(reported).toHaveLength(1);
  expect(String(reported[0])).toContain("version 9");
});
