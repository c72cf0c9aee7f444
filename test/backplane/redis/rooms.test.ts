import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { partitionOfGroup } from "../../../src/backplane/redis/wire/keys.ts";
import { eventually } from "../../support/eventually.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { type StartedCluster, startCluster } from "../contract/harness.ts";
import { redisOn } from "./harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => server.command("FLUSHALL"));

/** A round of the comparison takes 24 heartbeats. */
const HEARTBEAT_MS = 100;

async function deleteKeys(pattern: string): Promise<number> {
  const keys = (await server.command("KEYS", pattern)) as string[]; // KEYS answers with names
  if (keys.length > 0) await server.command("DEL", ...keys);
  return keys.length;
}

/** Ada and bea are in a group on two nodes, with data, and the first node watches it. */
async function openScene(): Promise<StartedCluster> {
  const cluster = await startCluster(
    redisOn(() => server),
    { heartbeatMs: HEARTBEAT_MS },
    2,
  );
  const { node, other } = cluster;
  for (const { sink } of cluster.nodes) sink.report = () => {};
  await node.rooms.watch("g");
  await node.routes.join("g", "ada", { json: '"a"', isDefault: false });
  await other.routes.join("g", "bea", { json: '"b"', isDefault: false });
  await other.routes.join("g", "ada");
  // A write by another node: the nodes of the user hear of it.
  await other.rooms.setData("g", "ada", '"A"');
  await node.sink.until(() => node.sink.rooms.length === 3);
  return cluster;
}

async function listOf({ node }: StartedCluster): Promise<string> {
  const { members } = await node.rooms.page("g", { of: "joined", after: 0, limit: 10 });
  return members
    .map(({ user, data }) => `${user} ${data}`)
    .sort()
    .join();
}

const isUp = ({ backplane }: StartedCluster["node"]): Promise<boolean> =>
  backplane.probe().then(
    () => true,
    () => false,
  );

/** Tells whether Redis has the watch. The node writes it after its members: a change in between is told by `presenceMissed`. */
const isKept = async (): Promise<boolean> => ((await server.command("KEYS", "*:g:g")) as string[]).length > 0;

/** Resolves when a change of the second node arrives at the first, which watches the group. */
async function expectWatched({ node, other }: StartedCluster): Promise<void> {
  // A machine that stands still for some heartbeats makes a node recover once more, and refuse the call meanwhile.
  await eventually("the join is taken", () =>
    other.routes.join("g", "cia").then(
      () => true,
      () => false,
    ),
  );
  await node.sink.until(() => node.sink.rooms.some(({ user }) => user === "cia"));
}

test.each([
  ["all that Redis has", "*"],
  ["the partition of the group", `*{${partitionOfGroup("g")}}:*`],
  ["the list", "*:o:g"],
  ["the data", "*:p:g"],
  ["the list and the data", "*:[op]:g"],
  ["the list, and the joined members", "*:[ojnd]:*"],
])("%s is deleted: the nodes write list and data again", async (_, pattern) => {
  await using scene = await openScene();
  expect(await listOf(scene)).toBe('ada "A",bea "b"');
  expect(await deleteKeys(pattern)).toBeGreaterThan(0);
  // Each node finds the loss by a heartbeat of its own, and takes no calls until it has recovered.
  await eventually("the list is there again", async () => {
    const list = await listOf(scene).catch(() => "");
    return list === 'ada "A",bea "b"' && (await Promise.all(scene.nodes.map(isUp))).every(Boolean);
  });
  await eventually("the watch is there again", isKept);
  await expectWatched(scene);
});

test.each([
  ["the watch", "*:g:g"],
  ["the watch, and the list of what the node owns", "*:[gn]:*"],
  ["the number of the last change", "*:v:g"],
])("%s is deleted: the node hears of changes again within a round", async (_, pattern) => {
  await using scene = await openScene();
  expect(await deleteKeys(pattern)).toBeGreaterThan(0);
  await eventually("the watch is there again", isKept);
  await expectWatched(scene);
});

test("a node that leaves takes its members and its watch with it, and the rest hears of it", async () => {
  await using scene = await openScene();
  const { node, other } = scene;
  await other.rooms.watch("g");
  await other.backplane.stop();
  await node.sink.until(() =>
    node.sink.rooms.some(({ user, change }) => user === "bea" && change === "leave"),
  );
  expect(await listOf(scene)).toBe('ada "A"');
  const [watch = ""] = (await server.command("KEYS", "*:g:g")) as string[];
  expect(await server.command("SCARD", watch)).toBe(1);
  expect(node.sink.rooms.filter(({ user, change }) => user === "ada" && change === "leave")).toEqual([]);
});
