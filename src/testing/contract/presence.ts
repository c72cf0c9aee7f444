import { connectionOf, type Implementation, NO_RULES, startCluster } from "../harness.ts";
import type { Tests } from "../runner.ts";

/** Grace period long enough to reconnect within, on a busy machine. */
const GRACE_MS = 2_000;

export function presenceContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a user is announced online once, with the first connection", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const web = connectionOf(node, "alice", "web");
    const ios = connectionOf(node, "alice", "ios");

    expect(await node.presence.arrive(web, NO_RULES)).toEqual({ admitted: true, evicted: [] });
    await node.presence.arrive(ios, NO_RULES);
    await node.presence.arrive(connectionOf(node, "bob"), NO_RULES);

    await node.sink.until(() => node.sink.changes.length === 2);
    expect(node.sink.changesOf("alice")).toEqual([true]);
    expect(node.sink.changesOf("bob")).toEqual([true]);
    expect(await node.presence.connectionsOf("alice")).toMatchObject([web, ios]);
    expect(await node.presence.count()).toEqual({ users: 2, connections: 3 });
  });

  test("a user is announced offline once, a grace period after the last connection has left", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const web = connectionOf(node, "alice", "web");
    const ios = connectionOf(node, "alice", "ios");
    await node.presence.arrive(web, NO_RULES);
    await node.presence.arrive(ios, NO_RULES);
    const bob = connectionOf(node, "bob");
    await node.presence.arrive(bob, NO_RULES);

    await node.presence.depart(web);
    await node.presence.depart(bob);
    // On Redis Cluster there is no order among lines of two masters.
    await node.sink.until(() => node.sink.changes.length === 3);
    expect(node.sink.changesOf("bob")).toEqual([true, false]);
    expect(await node.presence.isOnline("bob")).toBe(false);
    expect(node.sink.changesOf("alice")).toEqual([true]);

    await node.presence.depart(ios);
    await node.sink.until(() => node.sink.changes.length === 4);
    expect(node.sink.changesOf("alice")).toEqual([true, false]);
    expect(await node.presence.count()).toEqual({ users: 0, connections: 0 });
  });

  test("a user who reconnects within the grace period is not announced offline", async () => {
    await using cluster = await startCluster(implementation, { graceMs: GRACE_MS });
    const { node } = cluster;
    const alice = connectionOf(node, "alice");
    const bob = connectionOf(node, "bob");
    await node.presence.arrive(alice, NO_RULES);
    await node.presence.arrive(bob, NO_RULES);

    await node.presence.depart(alice);
    expect(await node.presence.connectionsOf("alice")).toEqual([]);
    expect(await node.presence.isOnline("alice")).toBe(true);
    await node.presence.arrive(connectionOf(node, "alice"), NO_RULES);
    expect(await node.presence.isOnline("alice")).toBe(true);
    // Bob's grace period ends after Alice's would have ended.
    await node.presence.depart(bob);

    await node.sink.until(() => node.sink.changes.some(({ online }) => !online));
    expect(node.sink.changesOf("alice")).toEqual([true]);
    expect(node.sink.changesOf("bob")).toEqual([true, false]);
  });

  test("each time the last connection leaves, a new grace period begins", async () => {
    await using cluster = await startCluster(implementation, { graceMs: GRACE_MS });
    const { node } = cluster;
    const bob = connectionOf(node, "bob");
    const carols = [connectionOf(node, "carol"), connectionOf(node, "carol")] as const;
    await node.presence.arrive(carols[0], NO_RULES);
    await node.presence.arrive(bob, NO_RULES);

    await node.presence.depart(carols[0]);
    await node.presence.depart(bob);
    await node.presence.arrive(carols[1], NO_RULES);
    await node.presence.depart(carols[1]);

    await node.sink.until(() => node.sink.changes.length === 4);
    expect(node.sink.changesOf("bob")).toEqual([true, false]);
    expect(node.sink.changesOf("carol")).toEqual([true, false]);
  });

  test("a user who was reported offline is reported online again", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;

    for (const round of [1, 2, 3]) {
      const connection = connectionOf(node, "alice");
      await node.presence.arrive(connection, NO_RULES);
      await node.presence.depart(connection);
      await node.sink.until(() => node.sink.changes.length === 2 * round);
    }

    expect(node.sink.changes.map(({ online }) => online)).toEqual([true, false, true, false, true, false]);
  });

  test("departing a connection that is not registered changes nothing", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const web = connectionOf(node, "alice");
    await node.presence.arrive(web, NO_RULES);

    await node.presence.depart(connectionOf(node, "alice"));
    await node.presence.depart(connectionOf(node, "bob"));
    expect(await node.presence.count()).toEqual({ users: 1, connections: 1 });

    await node.presence.depart(web);
    await node.presence.depart(web);
    expect(await node.presence.count()).toEqual({ users: 0, connections: 0 });
  });

  test("a user is in a group from joining to leaving", async () => {
    await using cluster = await startCluster(implementation);
    const { routes, presence } = cluster.node;
    await routes.join("g", "alice");
    await routes.join("g", "bob");
    await routes.join("h", "bob");

    expect((await presence.inGroup("g")).sort()).toEqual(["alice", "bob"]);
    await routes.leave("g", "bob");
    await routes.leave("g", "bob");
    expect(await presence.inGroup("g")).toEqual(["alice"]);
    expect(await presence.inGroup("h")).toEqual(["bob"]);
    expect(await presence.inGroup("nowhere")).toEqual([]);
  });

  if (implementation.nodes > 1) severalNodes({ test, expect }, implementation);
}

function severalNodes({ test, expect }: Tests, implementation: Implementation): void {
  test("every node is told of a change once, wherever the connections are", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other, nodes } = cluster;
    const here = connectionOf(node, "alice");
    const there = connectionOf(other, "alice");

    await node.presence.arrive(here, NO_RULES);
    await other.presence.arrive(there, NO_RULES);
    expect(await node.presence.connectionsOf("alice")).toMatchObject([here, there]);
    expect(await other.presence.count()).toEqual({ users: 1, connections: 2 });
    await node.presence.depart(here);
    await other.presence.depart(there);

    for (const { sink } of nodes) {
      await sink.until(() => sink.changes.some(({ online }) => !online));
      expect(sink.changes).toEqual([
        { user: "alice", online: true },
        { user: "alice", online: false },
      ]);
    }
  });

  test("a user who reconnects to another node within the grace period is not announced offline", async () => {
    await using cluster = await startCluster(implementation, { graceMs: GRACE_MS }, 2);
    const { node, other } = cluster;
    const alice = connectionOf(node, "alice");
    const bob = connectionOf(node, "bob");
    await node.presence.arrive(alice, NO_RULES);
    await node.presence.arrive(bob, NO_RULES);

    await node.presence.depart(alice);
    await other.presence.arrive(connectionOf(other, "alice"), NO_RULES);
    await node.presence.depart(bob);

    for (const { sink } of cluster.nodes) {
      await sink.until(() => sink.changes.some(({ online }) => !online));
      expect(sink.changes.filter(({ user }) => user === "alice")).toEqual([{ user: "alice", online: true }]);
    }
  });

  test("a user is in a group while a connection on any node has joined it", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    for (const { routes } of cluster.nodes) await routes.join("g", "alice");

    expect(await cluster.other.presence.inGroup("g")).toEqual(["alice"]);
    await cluster.node.routes.leave("g", "alice");
    expect(await cluster.other.presence.inGroup("g")).toEqual(["alice"]);
    await cluster.other.routes.leave("g", "alice");
    expect(await cluster.node.presence.inGroup("g")).toEqual([]);
  });
}
