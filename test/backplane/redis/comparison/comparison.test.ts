import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EVERY_PARTITION, partitionOf, partitionOfUser } from "../../../../src/backplane/redis/wire/keys.ts";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { connectionOf, NO_RULES, type StartedCluster, startCluster } from "../../contract/harness.ts";
import { IMPATIENT, redisOn } from "../harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => server.command("FLUSHALL"));

/** A round of the comparison takes 24 heartbeats. */
const HEARTBEAT_MS = 100;
const GROUP = "friends";

const keysLike = async (pattern: string): Promise<string[]> =>
  ((await server.command("KEYS", pattern)) as string[]).sort(); // KEYS answers with names

async function deleteKeys(pattern: string): Promise<number> {
  const keys = await keysLike(pattern);
  if (keys.length > 0) await server.command("DEL", ...keys);
  return keys.length;
}

/** What nodes own in Redis: routes, connections, members, users online and counts, without numbers of arrivals. */
async function ownedState(): Promise<string> {
  const state: [string, unknown][] = [];
  for (const key of await keysLike("*{*}:[dujn]:*")) {
    const type = String(await server.command("TYPE", key));
    const content = (await server.command(type === "hash" ? "HGETALL" : "SMEMBERS", key)) as string[];
    state.push([key, content.toSorted()]);
  }
  for (const key of await keysLike("*{*}:online"))
    state.push([key, await server.command("ZRANGE", key, 0, -1)]);
  for (const key of await keysLike("*{*}:conns")) state.push([key, await server.command("HGETALL", key)]);
  return JSON.stringify(state);
}

interface Scene extends StartedCluster {
  readonly reports: string[];
}

/** Bob is connected to the second node and in a group, and has got a message in both channels. */
async function openScene({ nodes = 2, graceMs = 20 } = {}): Promise<Scene> {
  const cluster = await startCluster(
    // A node that has gone is asked, too, and not waited for long.
    redisOn(() => server, undefined, IMPATIENT),
    { heartbeatMs: HEARTBEAT_MS, graceMs },
    nodes,
  );
  const reports: string[] = [];
  for (const { sink } of cluster.nodes) sink.report = (_, error) => reports.push(String(error));
  const { node, other, message } = cluster;
  await node.presence.arrive(connectionOf(node, "alice"), NO_RULES);
  await other.presence.arrive(connectionOf(other, "bob"), NO_RULES);
  await other.presence.arrive(connectionOf(other, "bob", "ios"), NO_RULES);
  await other.routes.join(GROUP, "bob");
  await other.broker.positions(["user:bob", `group:${GROUP}`, "all"]);
  for (const channel of ["user:bob", `group:${GROUP}`] as const) {
    await node.broker.append(message(channel));
    await node.broker.relay(message(channel));
  }
  await other.sink.until(() => other.sink.delivered.length === 4);
  return Object.assign(cluster, { reports });
}

/** Resolves when messages of both kinds from the first node reach bob by both channels. */
async function expectReached({ node, other, message }: Scene): Promise<void> {
  for (const channel of ["user:bob", `group:${GROUP}`] as const) {
    const stored = message(channel, { id: `stored for ${channel}` });
    const ephemeral = message(channel, { id: `ephemeral for ${channel}` });
    await node.broker.append(stored);
    await node.broker.relay(ephemeral);
    const isThere = (id: string) => other.sink.delivered.some((each) => each.id === id);
    await other.sink.until(() => isThere(stored.id) && isThere(ephemeral.id));
  }
}

const isUp = ({ backplane }: StartedCluster["node"]): Promise<boolean> =>
  backplane.probe().then(
    () => true,
    () => false,
  );

const areTrue = (answers: readonly boolean[]): boolean => answers.every(Boolean);

const PARTITIONS: Record<string, readonly number[]> = {
  "of a user": [partitionOfUser("bob")],
  "of a group": [partitionOf(`group:${GROUP}`)],
  "of everyone": [partitionOf("all")],
  "of the registry": [0],
  "of several partitions": [partitionOfUser("alice"), partitionOfUser("bob"), partitionOf(`group:${GROUP}`)],
  "of all partitions": EVERY_PARTITION,
};

describe.each(Object.entries(PARTITIONS))("all keys %s are deleted", (_, partitions) => {
  test("everyone is reached and listed again, without being announced again, and losses are told", async () => {
    await using scene = await openScene();
    const { node, other } = scene;
    const before = await ownedState();

    for (const partition of partitions) await deleteKeys(`*{${partition}}:*`);
    // Each node finds it by a heartbeat of its own. One whose registry is lost enters it again before it goes on.
    await eventually("both nodes have found the loss", () =>
      scene.nodes.every(({ backplane }) => (backplane.traffic?.mended.partitions ?? 0) > 0),
    );
    await eventually("both nodes take part", () => Promise.all(scene.nodes.map(isUp)).then(areTrue));
    await eventually("Redis has everything again", async () => (await ownedState()) === before);

    await expectReached(scene);
    const channels = (["user:bob", `group:${GROUP}`] as const).filter((channel) =>
      partitions.includes(partitionOf(channel)),
    );
    await other.sink.until(() =>
      channels.every((channel) => other.sink.losses.some((loss) => loss.channel === channel)),
    );
    for (const user of ["alice", "bob"]) expect(node.sink.changesOf(user), user).toEqual([true]);
    await eventually("the loss is logged", () =>
      scene.reports.some((report) => report.includes("has lost the data of")),
    );
  });
});

/** Patterns of keys of each kind. */
const KINDS: Record<string, string> = {
  "nodes of channels": "*{*}:d:*",
  "connections of users": "*{*}:u:*",
  "joined members": "*{*}:j:*",
  "everything that nodes own": "*{*}:n:*",
  "users online": "*{*}:online",
  "counts of connections": "*{*}:conns",
  "connections and nodes of a user": "*{*}:[du]:*bob*",
  "nodes and members of a group": "*{*}:[dj]:*friends",
};

test.each(Object.entries(KINDS))(
  "the keys of %s are deleted: Redis has them again within a round",
  async (_, pattern) => {
    await using scene = await openScene();
    const { node, other } = scene;
    const before = await ownedState();

    expect(await deleteKeys(pattern)).toBeGreaterThan(0);
    await eventually("Redis has everything again", async () => (await ownedState()) === before);

    await expectReached(scene);
    for (const user of ["alice", "bob"]) expect(node.sink.changesOf(user), user).toEqual([true]);
    expect(other.sink.losses).toEqual([]);
    await eventually("the difference is reported", () =>
      scene.reports.some((report) => report.includes("Redis differed from this node")),
    );
    const counts = [node, other].map(({ backplane }) => backplane.traffic?.mended);
    expect(counts.some((mended) => (mended?.connections ?? 0) + (mended?.members ?? 0) > 0)).toBe(true);
  },
);

test.each(["h", "m"])(
  "the keys %s of histories are deleted: members hear that they were lost",
  async (kind) => {
    await using scene = await openScene();
    const { other } = scene;

    expect(await deleteKeys(`*{*}:${kind}:*`)).toBeGreaterThan(0);
    for (const lost of ["user:bob", `group:${GROUP}`]) {
      await other.sink.until(() => other.sink.losses.some(({ channel }) => channel === lost));
    }
    await expectReached(scene);
  },
);

test("the list of channels to expire is deleted: histories expire all the same", async () => {
  await using scene = await openScene();
  const scheduled = async (): Promise<boolean> => {
    const channels = ["user:bob", `group:${GROUP}`] as const;
    const scores = channels.map(async (channel) => {
      const [key = "none"] = await keysLike(`*{${partitionOf(channel)}}:expiry`);
      return server.command("ZSCORE", key, channel);
    });
    return (await Promise.all(scores)).every((score) => score !== null);
  };
  expect(await scheduled()).toBe(true);

  await deleteKeys("*{*}:expiry");

  await eventually("histories are scheduled again", scheduled);
  await eventually("the difference is reported", () =>
    scene.reports.join().includes("entries about histories"),
  );
});

test("subscriptions to invalidations are deleted: a route is looked up again, and so nobody is missed", async () => {
  await using scene = await openScene();
  const { node, other, message } = scene;
  await node.broker.relay(message("user:carol"));

  expect(await deleteKeys("*{*}:r:*")).toBeGreaterThan(0);
  await eventually("all three routes are dropped", () => (node.backplane.traffic?.mended.routes ?? 0) >= 3);
  await other.presence.arrive(connectionOf(other, "carol"), NO_RULES);
  await node.broker.relay(message("user:carol", { id: "for carol" }));

  await other.sink.until(() => other.sink.delivered.some(({ id }) => id === "for carol"));
});

test("watches of acknowledgements are deleted: they are told again", async () => {
  await using scene = await openScene();
  const { node, other } = scene;
  await node.cursors.watch("user:bob");

  expect(await deleteKeys("*{*}:w:*")).toBeGreaterThan(0);
  await eventually("the watch is there again", async () => (await keysLike("*{*}:w:*")).length > 0);
  await other.cursors.move("bob", "web", "user:bob", { offset: 1 });

  await node.sink.until(() => node.sink.acknowledgements.length > 0);
});

test("a message that Redis never delivered is read within a round, though its channel is quiet", async () => {
  await using scene = await openScene({ nodes: 3 });
  const { nodes, other, message } = scene;
  // The third node has never published, so it looks up the nodes of the channel now, and finds none.
  await deleteKeys("*{*}:d:user:bob");
  await nodes[2]?.broker.append(message("user:bob", { id: "missed" }));

  await other.sink.until(() => other.sink.delivered.some(({ id }) => id === "missed"));
});

test("grace periods are deleted: users who left are announced offline all the same", async () => {
  await using scene = await openScene({ graceMs: 1_000 });
  const { node, other } = scene;
  const carol = connectionOf(other, "carol");
  await other.presence.arrive(carol, NO_RULES);
  await node.sink.until(() => node.sink.changesOf("carol").length === 1);

  await other.presence.depart(carol);
  expect(await deleteKeys("*{*}:grace")).toBe(1);

  await node.sink.until(() => node.sink.changesOf("carol").length === 2);
  expect(node.sink.changesOf("carol")).toEqual([true, false]);
});

test("serial numbers are deleted: those in use are not given again", async () => {
  await using scene = await openScene();
  const [serial = ""] = await keysLike(`*{${partitionOfUser("bob")}}:serial`);
  const used = Number(await server.command("GET", serial));

  await server.command("DEL", serial);
  await eventually(
    "the number is above those in use",
    async () => Number(await server.command("GET", serial)) >= used,
  );

  await expectReached(scene);
  expect(scene.other.sink.losses).toEqual([]);
});

test("what Redis has of a node and the node has not is removed", async () => {
  await using scene = await openScene();
  const before = await ownedState();
  const partition = partitionOfUser("zoe");
  const [owned = ""] = await keysLike(`*{${partitionOfUser("bob")}}:n:*`);
  const [base = "", token = ""] = owned.split(/\{\d+\}:n:/);
  const key = (kind: string) => `${base}{${partition}}:${kind}`;

  await server.command("SADD", key(`n:${token}`), "uzoe\x1fghost");
  await server.command("HSET", key("u:zoe"), "ghost", [token, 1, "web", "web", "n2", 1].join("\x1f"));
  await server.command("HSET", key("d:user:zoe"), token, 1);
  await server.command("HINCRBY", key("conns"), token, 1);
  await server.command("ZADD", key("online"), 1, "zoe");

  await eventually("the ghost is gone", async () => (await ownedState()) === before);
  await eventually("zoe is told to be offline", () => scene.node.sink.changesOf("zoe").at(-1) === false);
});

test.each([
  { lost: "the list of what it owned", hasCount: true },
  { lost: "that list and its count of members", hasCount: false },
])("a member of a dead node is removed, though Redis has lost $lost", async ({ hasCount }) => {
  await using scene = await openScene();
  const before = await ownedState();
  const [joined = ""] = await keysLike(`*:j:${GROUP}`);
  await server.command("SADD", joined, "n9~dead\x1fghost");
  if (hasCount) await server.command("HSET", joined.replace(":j:", ":d:group:"), "n9~dead", 1);
  expect(await scene.node.presence.inGroup(GROUP)).toContain("ghost");

  await eventually("the ghost is gone", async () => (await ownedState()) === before);
});

test("a user who is listed as online without a connection is offline after the grace period", async () => {
  await using scene = await openScene();
  const [online = ""] = await keysLike(`*{${partitionOfUser("bob")}}:online`);

  await server.command("ZADD", online, 1_000, "nobody");

  await scene.node.sink.until(() => scene.node.sink.changesOf("nobody").length > 0);
  expect(scene.node.sink.changesOf("nobody")).toEqual([false]);
});

test("users who come, go and move groups all the time are no difference", async () => {
  await using scene = await openScene();
  const { nodes } = scene;
  const move = async (index: number): Promise<void> => {
    const node = nodes[index % 2];
    if (node === undefined) return;
    const connection = connectionOf(node, `user-${index}`);
    await node.presence.arrive(connection, NO_RULES);
    await node.routes.join(GROUP, connection.user);
    await node.routes.leave(GROUP, connection.user);
    await node.presence.depart(connection);
  };
  for (let round = 0; round < 100; round++) {
    await Promise.all(Array.from({ length: 20 }, (_, index) => move(index)));
  }

  expect(scene.reports).toEqual([]);
});

test.each([
  ["all that it owned", []],
  ["its connections without the list of them", ["*{*}:n:*"]],
  ["its count of connections only", ["*{*}:[dun]:*", "*{*}:online"]],
  ["the record of its connection only", ["*{*}:[dn]:*", "*{*}:conns"]],
])(
  "an older state of Redis brings back a node that has gone, with %s: it is cleared again",
  async (_, lost) => {
    await using scene = await openScene({ nodes: 3 });
    const gone = scene.nodes[2] as StartedCluster["node"]; // there are three
    await gone.presence.arrive(connectionOf(gone, "carl"), NO_RULES);
    const partition = `*{${partitionOfUser("carl")}}:*`;
    const kept = await keysLike(partition);
    for (const key of kept) await server.command("COPY", key, `kept ${key}`);

    await gone.backplane.stop();
    const isKept = ([key]: [string]): boolean => key.startsWith("kept ");
    const cleared = JSON.stringify(
      JSON.parse(await ownedState()).filter((entry: [string]) => !isKept(entry)),
    );
    for (const key of kept) await server.command("RENAME", `kept ${key}`, key);
    for (const pattern of lost) {
      for (const key of await keysLike(pattern)) if (kept.includes(key)) await server.command("DEL", key);
    }

    await eventually("nothing of it is left", async () => (await ownedState()) === cleared);
    expect(await scene.node.presence.count()).toEqual({ users: 2, connections: 3 });
  },
);

test("a record of a connection that its node neither has nor lists is removed", async () => {
  await using scene = await openScene();
  const { node, other } = scene;
  const before = await ownedState();
  const [records = ""] = await keysLike(`*{${partitionOfUser("bob")}}:u:bob`);
  const [, record] = (await server.command("HGETALL", records)) as string[]; // fields and values
  await server.command("HSET", records, "a connection that has ended", `${record}`);

  await eventually("the record is gone", async () => (await ownedState()) === before);
  expect(await node.presence.count()).toEqual({ users: 2, connections: 3 });
  expect(other.sink.changesOf("bob")).toEqual([true]);
});
