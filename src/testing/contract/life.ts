import type { Backplane } from "../../backplane/backplane.ts";
import { connectionOf, type Implementation, NO_RULES, RecordingSink, startCluster } from "../harness.ts";
import type { Tests } from "../runner.ts";

export function lifeContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a probe resolves while the backplane is available", async () => {
    await using cluster = await startCluster(implementation);

    await expect(cluster.node.backplane.probe()).resolves.toBeUndefined();
    expect(cluster.node.sink.delivered).toEqual([]);
  });

  test("every method rejects with unavailable before the start", async () => {
    const { backplanes } = await implementation.createCluster(1, {});
    for (const backplane of backplanes) await expectUnavailable(expect, backplane);
  });

  test("every method rejects with unavailable after the stop", async () => {
    await using cluster = await startCluster(implementation);
    await cluster.node.backplane.stop();

    await expectUnavailable(expect, cluster.node.backplane);
  });

  test("a backplane can be stopped twice, and without a start", async () => {
    await using cluster = await startCluster(implementation);
    await cluster.node.backplane.stop();
    await cluster.node.backplane.stop();

    const { backplanes } = await implementation.createCluster(1, {});
    for (const backplane of backplanes) await backplane.stop();
  });

  test("the sink is not called after the stop, not even for a user in the grace period", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const alice = connectionOf(node, "alice");
    await node.presence.arrive(alice, NO_RULES);
    await node.sink.until(() => node.sink.changes.length === 1);
    await node.presence.depart(alice);
    await node.backplane.stop();

    // A grace period of the same length that begins later, in another cluster, ends later.
    await using witness = await startCluster(implementation);
    const bob = connectionOf(witness.node, "bob");
    await witness.node.presence.arrive(bob, NO_RULES);
    await witness.node.presence.depart(bob);
    await witness.node.sink.until(() => witness.node.sink.changes.length === 2);

    expect(node.sink.changes).toEqual([{ user: "alice", online: true }]);
  });

  test("a second start is refused", async () => {
    await using cluster = await startCluster(implementation);
    const node = { id: "n1", ip: "127.0.0.1", port: 8080, connections: () => 0 };

    await expect(cluster.node.backplane.start(node, new RecordingSink())).rejects.toThrow();
  });
}

async function expectUnavailable(expect: Tests["expect"], backplane: Backplane): Promise<void> {
  const { broker, routes, idempotency, cursors, memberships, presence, cluster } = backplane;
  const message = { id: "m", type: "chat", body: "1", timestamp: 1, channel: "all" } as const;
  const connection = { id: "c", user: "u", platform: "web", device: "web", node: "n1", connectedAt: 1 };
  const calls: Record<string, () => Promise<unknown>> = {
    probe: () => backplane.probe(),
    append: () => broker.append(message),
    begin: () => idempotency.begin("k", "{}"),
    complete: () => idempotency.complete("k", "{}"),
    history: () => broker.history("all", { limit: 1 }),
    positions: () => broker.positions(["all"]),
    listen: () => broker.listen("all"),
    unlisten: () => broker.unlisten("all"),
    join: () => routes.join("g", "u"),
    leave: () => routes.leave("g", "u"),
    read: () => cursors.read("u", "web", ["all"]),
    move: () => cursors.move("u", "web", "all", { offset: 0 }),
    watch: () => cursors.watch("all"),
    add: () => memberships.add("g", "u"),
    remove: () => memberships.remove("g", "u"),
    groupsOf: () => memberships.groupsOf("u"),
    page: () => backplane.rooms.page("g", { of: "joined", after: 0, limit: 1 }),
    setData: () => backplane.rooms.setData("g", "u", "1"),
    watchRoom: () => backplane.rooms.watch("g"),
    membersOf: () => memberships.membersOf("g"),
    arrive: () => presence.arrive(connection, NO_RULES),
    depart: () => presence.depart(connection),
    connectionsOf: () => presence.connectionsOf("u"),
    online: () => presence.online({ limit: 1 }),
    block: () => presence.block("u", 1),
    blockedMs: () => presence.blockedMs("u"),
    blocked: () => presence.blocked({ limit: 1 }),
    count: () => presence.count(),
    inGroup: () => presence.inGroup("g"),
    nodes: () => cluster.nodes(),
    drain: () => cluster.drain(),
    command: () => cluster.command({ kind: "join", user: "u", group: "g" }),
    propose: () => cluster.propose("positionKey", "1"),
    ask: () => cluster.ask("{}", { timeoutMs: 1 }),
  };
  for (const [name, call] of Object.entries(calls)) {
    const outcome = await call().then(
      () => "resolved",
      (error: unknown) => Object(error).code,
    );
    expect({ name, outcome }).toEqual({ name, outcome: "unavailable" });
  }
}
