import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Backplane, redisBackplane } from "../../../src/backplane/backplane.ts";
import { EVERY_PARTITION, partitionOfUser } from "../../../src/backplane/redis/wire/keys.ts";
import type { ConnectionInfo } from "../../../src/protocol/protocol.ts";
import { eventually } from "../../support/eventually.ts";
import { NodeProcess } from "../../support/nodes/nodes.ts";
import { connectPeer } from "../../support/peer.ts";
import { RedisCluster, RedisServer, type TestRedis } from "../../support/redis/redis.ts";
import { connectionOf, NO_RULES, RecordingSink, type TestNode } from "../contract/harness.ts";

/** Remembers failures, which here are meant to happen. */
class Sink extends RecordingSink {
  readonly reports: string[] = [];

  override report(_stage: string, error: unknown): void {
    this.reports.push(error instanceof Error ? error.message : String(error));
  }
}

interface Node extends TestNode, AsyncDisposable {
  readonly sink: Sink;
}

type Options = Parameters<typeof redisBackplane>[0];

async function startNode(id: string, options: Pick<Options, "url"> & Partial<Options>): Promise<Node> {
  const backplane: Backplane = redisBackplane({ history: { count: 10, ageMs: 60_000 }, ...options });
  const sink = new Sink();
  await backplane.start({ id, ip: "127.0.0.1", port: 8080, connections: () => 0 }, sink);
  return { ...backplane, id, backplane, sink, [Symbol.asyncDispose]: () => backplane.stop() };
}

/** One user for each partition. */
const usersCalled = (name: string): string[] =>
  EVERY_PARTITION.map((partition) => {
    for (let number = 0; ; number++) {
      const user = `${name}-${number}`;
      if (partitionOfUser(user) === partition) return user;
    }
  });

async function arriveAll(node: Node, users: readonly string[]): Promise<void> {
  await Promise.all(users.map((user) => node.presence.arrive(connectionOf(node, user), NO_RULES)));
  await node.sink.until(() => users.every((user) => node.sink.changesOf(user).length > 0));
}

test.each([0, 1, 2])(
  "master %i of a Redis Cluster comes back empty: nobody is told again who is online",
  async (index) => {
    await using redis = await RedisCluster.start();
    await using node = await startNode("n1", { url: redis.url, prefix: `${randomUUID()}:` });
    const users = usersCalled("user");
    await arriveAll(node, users);

    await redis.masters[index]?.kill();
    await eventually("the probe fails", () =>
      node.backplane.probe().then(
        () => false,
        () => true,
      ),
    );
    await redis.masters[index]?.restart();
    await eventually(
      "everyone is counted again",
      async () => (await node.presence.count().catch(() => undefined))?.users === users.length,
    );

    // Whoever comes now is heard of after everyone who would have been announced.
    await arriveAll(node, usersCalled("later"));
    for (const user of users) expect(node.sink.changesOf(user), user).toEqual([true]);
  },
);

const HOUR_MS = 3_600_000;
/** Nobody is declared dead for being silent. */
const PATIENT = { heartbeatMs: HOUR_MS, timeoutMs: 24 * HOUR_MS };

const REDISES: readonly { name: string; start: () => Promise<TestRedis & AsyncDisposable> }[] = [
  { name: "one Redis", start: () => RedisServer.start() },
  { name: "a Redis Cluster", start: () => RedisCluster.start() },
];

describe.each(REDISES)("on $name", ({ start }) => {
  test("a node that crashed and is back under its id has nothing left of what it had", async () => {
    await using redis = await start();
    const options = { url: redis.url, prefix: `${randomUUID()}:`, ...PATIENT };
    await using witness = await startNode("witness", options);
    await using crashing = await processOf("n1", options);
    await connectPeer(crashing.urlOf("alice"));
    expect(await witness.presence.connectionsOf("alice")).toMatchObject([{ node: "n1" }]);

    await crashing.kill();
    await using back = await startNode("n1", options);

    await witness.sink.until(() => witness.sink.changesOf("alice").length === 2);
    expect(witness.sink.changesOf("alice")).toEqual([true, false]);
    expect(await witness.presence.connectionsOf("alice")).toEqual([]);
    expect(await witness.presence.count()).toEqual({ users: 0, connections: 0 });
    expect(back.sink.reports).toEqual(["node n1 has been silent for too long and is declared dead"]);
  });

  test("a node that starts does not wait for what it was before", async () => {
    await using redis = await start();
    const options = { url: redis.url, prefix: `${randomUUID()}:`, ...PATIENT };
    await using crashing = await processOf("n1", options);
    await crashing.kill();

    await using back = await startNode("n1", { ...options, commandTimeoutMs: HOUR_MS });

    await back.backplane.probe();
    expect(back.sink.reports).toEqual([]);
  });

  test("a second node under the same id is reported, and both go on", async () => {
    await using redis = await start();
    const options = { url: redis.url, prefix: `${randomUUID()}:`, ...PATIENT };
    await using first = await startNode("n1", options);
    await first.presence.arrive(connectionOf(first, "alice"), NO_RULES);

    await using second = await startNode("n1", options);
    await eventually("the second node is reported", () => second.sink.reports.length > 0);

    expect(second.sink.reports).toEqual(["two nodes call themselves n1: give each a node.id of its own"]);
    await second.presence.arrive(connectionOf(second, "bob"), NO_RULES);
    await first.sink.until(() => first.sink.changesOf("bob").length > 0);
    expect(await second.presence.count()).toEqual({ users: 2, connections: 2 });
    expect(first.sink.reports).toEqual([]);
    expect(first.sink.changesOf("alice")).toEqual([true]);
  });
});

/** A node in a process of its own, which can crash. */
const processOf = (id: string, { url, prefix }: { url: string; prefix: string }): Promise<NodeProcess> =>
  NodeProcess.start(id, {
    REDIS_URL: url,
    REDIS_PREFIX: prefix,
    CLUSTER_HEARTBEAT_INTERVAL: String(PATIENT.heartbeatMs / 1_000),
    CLUSTER_NODE_TIMEOUT: String(PATIENT.timeoutMs / 1_000),
  });

/** The ways in which users lose a node that closes. */
const LEAVING = [
  {
    way: "whose connection closes while its node drains",
    leave: (node: Node, connection: ConnectionInfo) => node.presence.depart(connection),
  },
  {
    way: "whose connection is left when its node ends",
    leave: (node: Node) => node.backplane.stop(),
  },
];

test.each(LEAVING)("a user $way is not told offline before coming back as told", async ({ leave }) => {
  await using redis = await RedisServer.start();
  const options = { url: redis.url, prefix: `${randomUUID()}:`, graceMs: 20, drainGraceMs: HOUR_MS };
  await using closing = await startNode("n1", options);
  await using other = await startNode("n2", options);
  // Of one partition: whoever is through is told together with all who are.
  const [alice = "", bob = ""] = [usersCalled("alice")[7], usersCalled("bob")[7]];
  const connection = connectionOf(closing, alice);
  const passing = connectionOf(other, bob);
  await closing.presence.arrive(connection, NO_RULES);
  await other.presence.arrive(passing, NO_RULES);

  await closing.cluster.drain();
  await leave(closing, connection);
  await other.presence.depart(passing);
  await other.sink.until(() => other.sink.changesOf(bob).length === 2);
  await other.presence.arrive(connectionOf(other, alice), NO_RULES);

  await arriveAll(other, usersCalled("later"));
  expect(other.sink.changesOf(alice)).toEqual([true]);
  expect(other.sink.changesOf(bob)).toEqual([true, false]);
});
