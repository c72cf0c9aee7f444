import { fork } from "node:child_process";
import { once } from "node:events";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { endWithProcess } from "../../../support/end-with-process.ts";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { type StartedCluster, type TestNode, upTo } from "../../contract/harness.ts";
import { redisOn } from "../harness.ts";
import { allHave, appendTo, COUNT, groupOf, idsOf, listOf, pushes, reads } from "./transactions.ts";

const PUSHER = fileURLToPath(new URL("transaction-program.ts", import.meta.url));

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => server.command("FLUSHALL"));
afterAll(() => server[Symbol.asyncDispose]());

const implementation = redisOn(() => server);

test("while Redis is out of memory appends fail with unavailable, and afterwards they succeed", async () => {
  await using cluster = await groupOf(implementation, 2);
  const { node } = cluster;
  for (const { sink } of cluster.nodes) sink.report = () => undefined;

  await server.command("CONFIG", "SET", "maxmemory", 1);
  const refused = await Promise.allSettled(appendTo(cluster, node, COUNT));
  await server.command("CONFIG", "SET", "maxmemory", 0);

  for (const outcome of refused) {
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
  }
  await isUp(node);
  const appended = await Promise.all(appendTo(cluster, node, COUNT));
  expect(appended.map(({ offset }) => offset)).toEqual(upTo(COUNT).map((number) => number + 2));
  await allHave(cluster, COUNT + 2);
});

test("a connection that breaks during transactions leaves no append pending, and stored messages are delivered once, in order", async () => {
  await using cluster = await groupOf(implementation, 2, { count: 100_000 });
  const { node, other } = cluster;
  for (const { sink } of cluster.nodes) sink.report = () => undefined;

  for (const _ of upTo(5)) {
    const outcomes = outcomesOf(cluster, 5);
    await nextTurn();
    await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    expectUnavailable(await outcomes);
    await isUp(node);
  }

  expect(pushes(node)).toBeGreaterThan(0);
  await expectAllOf(other);
});

test("when Redis crashes during transactions and keeps its data, stored messages are delivered once, in order", async () => {
  await using persistent = await RedisServer.start({ persistent: true });
  await using cluster = await groupOf(
    redisOn(() => persistent),
    2,
    { count: 100_000 },
  );
  const { node, other } = cluster;
  for (const { sink } of cluster.nodes) sink.report = () => undefined;

  for (const _ of upTo(3)) {
    const outcomes = outcomesOf(cluster, 20);
    await sleep(10);
    await persistent.kill();
    expectUnavailable(await outcomes);
    await persistent.restart();
    await isUp(node);
  }

  expect(pushes(node)).toBeGreaterThan(0);
  await expectAllOf(other);
});

test("a Redis that replays what a crash had cut off reports a loss of history, and later messages are delivered", async () => {
  await using persistent = await RedisServer.start({ persistent: true });
  await using cluster = await groupOf(
    redisOn(() => persistent),
    2,
  );
  const { node } = cluster;
  for (const { sink } of cluster.nodes) sink.report = () => undefined;
  const restart = async (losses: number) => {
    await persistent.restartAsItIs();
    for (const { sink } of cluster.nodes) await sink.until(() => sink.losses.length === losses);
    for (const node of cluster.nodes) await isUp(node);
  };

  await Promise.all(appendTo(cluster, node, COUNT));
  await allHave(cluster, COUNT + 2);
  await persistent.kill();
  await persistent.tear(1_000);
  await restart(1);
  const { last } = await node.broker.history("group:g", { limit: 1 });
  expect(last).toBe(2);

  await Promise.all(appendTo(cluster, node, COUNT));
  await persistent.kill();
  await restart(2);
  const taken = await node.broker.history("group:g", { limit: 1_000 });
  expect(taken.last).toBeGreaterThan(COUNT + 2); // some of the first hundred have come before the second

  const { id, epoch, offset } = await node.broker.append(cluster.message("group:g"));
  expect(offset).toBe(taken.last + 1);
  for (const { sink } of cluster.nodes) {
    await sink.until(() => sink.delivered.at(-1)?.id === id);
    expect(sink.losses.at(-1)?.position).toEqual({ epoch, offset: taken.last });
  }
});

test("messages whose sender never sends the offsets are delivered, and later ones after them", async () => {
  await using cluster = await groupOf(implementation, 2);
  const { node, other } = cluster;
  const [epoch = ""] = (await other.broker.positions(["group:g"])).map((position) => position.epoch);
  const entry = (id: string) => `${id}\x1fchat\x1f"hi"\x1f1\x1f`;
  const head = `\x1fgroup:g\x1f${epoch}\x1f0`;
  const payload = `1\nU\x1fgone.1\x1f2${head}${head}\x1e${entry("a")}\x1e${entry("b")}\x1e`;

  await publishToAll(payload);
  for (const id of ["a", "b"]) await server.command("RPUSHX", await listOf(server), entry(id));
  const after = await node.broker.append(cluster.message("group:g"));
  await allHave(cluster, 5);

  const expected = ["a", "b", after.id];
  for (const { sink } of cluster.nodes) expect(idsOf(sink.delivered.slice(2))).toEqual(expected);
  // Late offsets are ignored.
  await publishToAll("1\nO\x1fgone.1\x1f3 4");
  await other.backplane.probe();
  expect(idsOf(other.sink.delivered.slice(2))).toEqual(expected);
});

test("offsets of a lost history are ignored, and cost at most two reads per node", async () => {
  await using cluster = await groupOf(implementation, 2);
  const { node, other } = cluster;
  const [{ epoch = "" } = {}] = await node.broker.positions(["group:g"]);
  await server.command("DEL", await listOf(server));
  await node.broker.append(cluster.message("group:g", { id: "first of the next" }));
  await allHave(cluster, 3);
  const before = cluster.nodes.map(reads);

  for (const former of [epoch, "another.7"]) {
    const entry = `x\x1fchat\x1f"hi"\x1f1\x1f`;
    await publishToAll(`1\nU\x1flate.1\x1f1\x1fgroup:g\x1f${former}\x1f0\x1e${entry}\x1e`);
    await publishToAll("1\nO\x1flate.1\x1f4991");
    for (const { backplane } of cluster.nodes) await backplane.probe();
  }
  await other.broker.append(cluster.message("group:g", { id: "second" }));
  await allHave(cluster, 4);

  for (const { sink } of cluster.nodes) {
    expect(idsOf(sink.delivered.slice(2))).toEqual(["first of the next", "second"]);
  }
  for (const [index, node] of cluster.nodes.entries()) {
    expect(reads(node) - (before[index] ?? 0)).toBeLessThanOrEqual(2);
  }
});

test("a node that sends little keeps its connections to a Redis that closes idle ones", async () => {
  await using short = await RedisServer.start({ args: ["--timeout", "3"] });
  await using cluster = await groupOf(
    redisOn(() => short),
    2,
    { heartbeatMs: 100 },
  );
  const connections = async () =>
    String(await short.command("CLIENT", "LIST"))
      .match(/^id=\d+(?=.*cmd=(?!client))/gm)
      ?.toSorted();
  const before = await connections();

  // Ten probes a second from each of two nodes: five seconds without any other traffic.
  await eventually(
    "the nodes publish 100 times",
    async () =>
      Number(/cmdstat_publish:calls=(\d+)/.exec(String(await short.command("INFO", "commandstats")))?.[1]) >
      100,
  );

  expect(await connections()).toEqual(before);
  await Promise.all(appendTo(cluster, cluster.node, COUNT));
  await allHave(cluster, COUNT + 2);
});

test("a node that missed messages and then receives their offsets has read them from the history", async () => {
  await using cluster = await groupOf(implementation, 2, { count: 100_000 });
  const { node } = cluster;
  for (const { sink } of cluster.nodes) sink.report = () => undefined;

  for (const _ of upTo(10)) {
    const outcomes = outcomesOf(cluster, 5);
    // A subscriber that reconnects becomes the newest, so the two nodes lose theirs alternately.
    const [oldest] = await subscribers();
    await server.command("CLIENT", "KILL", "ID", oldest ?? 0);
    expectUnavailable(await outcomes);
    await eventually("both nodes subscribe", async () => (await subscribers()).length === 2);
    for (const node of cluster.nodes) await isUp(node);
  }

  expect(pushes(node)).toBeGreaterThan(0);
  for (const node of cluster.nodes) await expectAllOf(node);
});

test("when a node is killed while it appends, the others deliver what it stored, once, in order", async () => {
  await using cluster = await groupOf(implementation, 2, { count: 100_000 });
  const [prefix = ""] = String(await listOf(server)).split("{");

  for (const round of upTo(5)) {
    const child = fork(PUSHER, [server.url, prefix, `killed-${round}`, "g", "h"]);
    endWithProcess(child);
    await Promise.race([once(child, "message"), once(child, "exit").then(() => expect.fail("it ended"))]);
    await sleep(round * 5); // any moment will do
    child.kill("SIGKILL");
    if (child.signalCode === null) await once(child, "exit");
    await Promise.all(appendTo(cluster, cluster.node, COUNT));
  }

  for (const node of cluster.nodes) await expectAllOf(node);
});

const isUp = ({ broker }: TestNode) =>
  eventually("the node answers", () => broker.positions(["group:g"]).then(Boolean, () => false));

/** Appends in a number of ticks. Resolves to the result or the error of each message. */
async function outcomesOf(cluster: StartedCluster, ticks: number): Promise<unknown[]> {
  const outcomes: Promise<unknown>[] = [];
  for (const _ of upTo(ticks)) {
    for (const appended of appendTo(cluster, cluster.node, COUNT)) {
      outcomes.push(appended.catch((error: unknown) => error));
    }
    await nextTurn();
  }
  return Promise.all(outcomes);
}

function expectUnavailable(outcomes: readonly unknown[]): void {
  for (const outcome of outcomes) {
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "unavailable" });
  }
}

/** Ids of the connections with subscriptions, oldest first. */
const subscribers = async () =>
  [...String(await server.command("CLIENT", "LIST", "TYPE", "pubsub")).matchAll(/^id=(\d+)/gm)].map(
    ([, id]) => Number(id),
  );

/** Publishes a payload to all nodes, as another node would. */
async function publishToAll(payload: string): Promise<void> {
  const inboxes = (await server.command("PUBSUB", "CHANNELS", "*inbox:*")) as string[]; // answers with names
  for (const inbox of inboxes) await server.command("PUBLISH", inbox, payload);
}

/** Expects that a node delivers exactly the messages in the history of the group, once, in order. */
async function expectAllOf(node: TestNode): Promise<void> {
  await isUp(node);
  const { broker, sink } = node;
  const { last } = await broker.history("group:g", { limit: 1 });
  await sink.until(() => sink.offsets("group:g").at(-1) === last);
  expect(sink.offsets("group:g")).toEqual(upTo(last));
  const { messages } = await broker.history("group:g", { limit: last });
  expect(idsOf(sink.delivered)).toEqual(idsOf(messages));
}
