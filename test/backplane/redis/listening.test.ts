import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { partitionOf } from "../../../src/backplane/redis/wire/keys.ts";
import type { Channel } from "../../../src/protocol/protocol.ts";
import { eventually } from "../../support/eventually.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { type StartedCluster, startCluster } from "../contract/harness.ts";
import { redisOn } from "./harness.ts";

const CHANNEL: Channel = "group:g";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => server.command("FLUSHALL"));

/** A round of the comparison takes 24 heartbeats. */
const HEARTBEAT_MS = 100;

/** The second node listens to a channel without members, and the first one has published there. */
async function openScene(): Promise<StartedCluster> {
  const cluster = await startCluster(
    redisOn(() => server),
    { heartbeatMs: HEARTBEAT_MS },
    2,
  );
  const { node, other } = cluster;
  for (const { sink } of cluster.nodes) sink.report = () => {};
  await other.broker.listen(CHANNEL);
  await node.broker.append(cluster.message(CHANNEL));
  await other.sink.until(() => other.sink.delivered.length === 1);
  return cluster;
}

/** Nodes that listen, as Redis has them. */
async function listeners(): Promise<number> {
  const keys = (await server.command("KEYS", "*:s:*")) as string[]; // KEYS answers with names
  const counts = await Promise.all(keys.map((key) => server.command("SCARD", key)));
  return counts.reduce<number>((sum, count) => sum + Number(count), 0);
}

test.each([
  ["all that Redis has", "*"],
  ["the partition of the channel", `*{${partitionOf(CHANNEL)}}:*`],
  ["the list of listeners", "*:s:*"],
  ["the list of listeners, and that of what the node owns", "*:[sn]:*"],
])("%s is deleted: the node hears of messages again, and misses none that is kept", async (_, pattern) => {
  await using scene = await openScene();
  const { node, other } = scene;
  const keys = (await server.command("KEYS", pattern)) as string[]; // KEYS answers with names
  expect(await server.command("DEL", ...keys)).toBeGreaterThan(0);
  // A node that finds its data gone is unavailable until it has announced itself again.
  const send = (id: string) =>
    eventually("Redis takes a message", () =>
      node.broker.append(scene.message(CHANNEL, { id })).catch(() => undefined),
    );
  await send("missed");
  await eventually("the node listens again", async () => (await listeners()) === 1);
  await other.sink.until(() => other.sink.delivered.some(({ id }) => id === "missed"));
  await send("last");
  await other.sink.until(() => other.sink.delivered.some(({ id }) => id === "last"));
});

test("a node that leaves listens no more", async () => {
  await using scene = await openScene();
  const { node, other } = scene;
  await node.broker.listen(CHANNEL);
  expect(await listeners()).toBe(2);
  await other.backplane.stop();
  expect(await listeners()).toBe(1);
  await node.broker.append(scene.message(CHANNEL));
  await node.sink.until(() => node.sink.offsets(CHANNEL).includes(2));
});
