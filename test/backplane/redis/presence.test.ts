import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Backplane, redisBackplane } from "../../../src/backplane/backplane.ts";
import { EVERY_PARTITION, partitionOfUser } from "../../../src/backplane/redis/wire/keys.ts";
import type { ConnectionInfo } from "../../../src/protocol/protocol.ts";
import { eventually } from "../../support/eventually.ts";
import { NodeProcess } from "../../support/nodes/nodes.ts";
import { connectPeer } from "../../support/peer.ts";
import { RedisCluster, RedisServer, type TestRedis } from "../../support/redis/redis.ts";
import { connectionOf, NO_RULES, RecordingSink, type TestNode } from "../contract/harness.ts";

/** Each test leaves them whole, and has a prefix of its own. */
let single: RedisServer;
let clustered: RedisCluster;
beforeAll(async () => {
  [single, clustered] = await Promise.all([RedisServer.start(), RedisCluster.start()]);
});
afterAll(async () => {
  for (const each of [single, clustered]) await each[Symbol.asyncDispose]();
});

/** Records failures, which these tests cause on purpose. */
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
  "master %i of a Redis Cluster restarts without data: users who stayed are not announced online again",
  async (index) => {
    await using node = await startNode("n1", { url: clustered.url, prefix: `${randomUUID()}:` });
    const users = usersCalled("user");
    await arriveAll(node, users);

    await clustered.masters[index]?.kill();
    await eventually("the probe fails", () =>
      node.backplane.probe().then(
        () => false,
        () => true,
      ),
    );
    await clustered.masters[index]?.restart();
    await eventually(
      "all users are counted again",
      async () => (await node.presence.count().catch(() => undefined))?.users === users.length,
    );
    // Users can be counted before logins are admitted again.
    await eventually("the node is up", () =>
      node.backplane.probe().then(
        () => true,
        () => false,
      ),
    );

    // These arrivals are announced after any repeated announcement of the first users.
    await arriveAll(node, usersCalled("later"));
    for (const user of users) expect(node.sink.changesOf(user), user).toEqual([true]);
  },
);

const HOUR_MS = 3_600_000;
/** Timeouts too long to be reached: no node is declared dead for its silence. */
const LONG_TIMEOUTS = { heartbeatMs: HOUR_MS, timeoutMs: 24 * HOUR_MS };

const REDISES: readonly { name: string; started: () => TestRedis }[] = [
  { name: "one Redis", started: () => single },
  { name: "a Redis Cluster", started: () => clustered },
];

describe.each(REDISES)("on $name", ({ started }) => {
  test("a node that restarts under its id after a crash clears the presence of its earlier incarnation", async () => {
    const options = { url: started().url, prefix: `${randomUUID()}:`, ...LONG_TIMEOUTS };
    await using witness = await startNode("witness", options);
    await using crashing = await processOf("n1", options);
    await connectPeer(crashing.urlOf("alice"));
    expect(await witness.presence.connectionsOf("alice")).toMatchObject([{ node: "n1" }]);

    await crashing.kill();
    await using restarted = await startNode("n1", options);

    await witness.sink.until(() => witness.sink.changesOf("alice").length === 2);
    expect(witness.sink.changesOf("alice")).toEqual([true, false]);
    expect(await witness.presence.connectionsOf("alice")).toEqual([]);
    expect(await witness.presence.count()).toEqual({ users: 0, connections: 0 });
    expect(restarted.sink.reports).toEqual(["node n1 has been silent for too long and is declared dead"]);
  });

  test("a node that starts does not wait for an answer of its earlier incarnation", async () => {
    const options = { url: started().url, prefix: `${randomUUID()}:`, ...LONG_TIMEOUTS };
    await using crashing = await processOf("n1", options);
    await crashing.kill();

    await using restarted = await startNode("n1", { ...options, commandTimeoutMs: HOUR_MS });

    await restarted.backplane.probe();
    expect(restarted.sink.reports).toEqual([]);
  });

  test("two live nodes with one id are both reported, and keep working", async () => {
    const options = { url: started().url, prefix: `${randomUUID()}:`, ...LONG_TIMEOUTS };
    await using first = await startNode("n1", options);
    await first.presence.arrive(connectionOf(first, "alice"), NO_RULES);

    await using second = await startNode("n1", options);
    for (const { sink } of [first, second]) {
      await eventually("the node reports the other", () => sink.reports.length > 0);
      expect(sink.reports).toEqual(["two nodes call themselves n1: give each a node.id of its own"]);
    }
    for (const { backplane } of [first, second]) {
      expect(backplane.health.degraded.map(({ what }) => what)).toContain("node id");
    }
    await second.presence.arrive(connectionOf(second, "bob"), NO_RULES);
    await first.sink.until(() => first.sink.changesOf("bob").length > 0);
    expect(await second.presence.count()).toEqual({ users: 2, connections: 2 });
    expect(first.sink.changesOf("alice")).toEqual([true]);
  });
});

/** Starts a node in its own process, which a test can kill. */
const processOf = (id: string, { url, prefix }: { url: string; prefix: string }): Promise<NodeProcess> =>
  NodeProcess.start(id, {
    REDIS_URL: url,
    REDIS_PREFIX: prefix,
    CLUSTER_HEARTBEAT_INTERVAL: String(LONG_TIMEOUTS.heartbeatMs / 1_000),
    CLUSTER_NODE_TIMEOUT: String(LONG_TIMEOUTS.timeoutMs / 1_000),
  });

/** Ways in which a closing node loses its users. */
const LEAVING = [
  {
    way: "who leaves while the node drains",
    leave: (node: Node, connection: ConnectionInfo) => node.presence.depart(connection),
  },
  {
    way: "who is still connected when the node stops",
    leave: (node: Node) => node.backplane.stop(),
  },
];

test.each(LEAVING)("a user $way stays online for the drain grace period", async ({ leave }) => {
  const options = { url: single.url, prefix: `${randomUUID()}:`, graceMs: 20, drainGraceMs: HOUR_MS };
  await using closing = await startNode("n1", options);
  await using other = await startNode("n2", options);
  // Both users are in one partition: one sweep announces all users of it whose grace period is over.
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

test("the list of blocked users forgets those whose blocks are over, also when nobody reads it", async () => {
  const prefix = `${randomUUID()}:`;
  await using node = await startNode("n1", { url: single.url, prefix });
  const { presence } = node;
  const partition = partitionOfUser("keeper");
  const users: string[] = [];
  for (let number = 0; users.length < 30; number++)
    if (partitionOfUser(`user-${number}`) === partition) users.push(`user-${number}`);
  for (const user of users) await presence.block(user, 1);

  await eventually("the list has the one block that lasts", async () => {
    await presence.block("keeper", 3_600_000);
    return (await single.command("ZCARD", `${prefix}{${partition}}:blocks`)) === 1;
  });
  expect(await presence.blocked({ limit: 10 })).toMatchObject({ users: [{ user: "keeper" }] });
  await presence.block("keeper", 0);
  expect(await single.command("EXISTS", `${prefix}{${partition}}:blocks`)).toBe(0);
});
