import { connectionOf, type Implementation, NO_RULES, startCluster } from "../harness.ts";
import type { Tests } from "../runner.ts";

export function clusterContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a node is listed with its address and its number of connections of this moment", async () => {
    await using cluster = await startCluster(implementation);

    expect(await cluster.node.cluster.nodes()).toEqual([
      { id: "n1", ip: "127.0.0.1", port: 8080, status: "active", connections: 7, ageMs: 0 },
    ]);
  });

  test("a node that drains is listed as draining", async () => {
    await using cluster = await startCluster(implementation);
    await cluster.node.cluster.drain();

    expect(await cluster.node.cluster.nodes()).toMatchObject([{ id: "n1", status: "draining" }]);
  });

  test("a command runs on the user's node and answers how many connections it concerned", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    await node.presence.arrive(connectionOf(node, "alice"), NO_RULES);
    node.sink.connections = 2;
    const kick = {
      kind: "kick",
      user: "alice",
      cause: "kicked",
      reason: "spam",
      notice: { appeal: 1 },
    } as const;
    const join = { kind: "join", user: "alice", group: "g" } as const;

    expect(await node.cluster.command(kick)).toEqual({ connections: 2, unconfirmed: 0 });
    expect(await node.cluster.command(join)).toEqual({ connections: 2, unconfirmed: 0 });
    expect(node.sink.commands).toEqual([kick, join]);
  });

  test("a setting that is changed is in force on the node that changes it, each time", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    for (const value of ['{"messagesPerUser":"1-S"}', "{}"]) await node.cluster.adjust("limits", value);

    expect(node.sink.adjustments).toEqual([
      { name: "limits", value: '{"messagesPerUser":"1-S"}' },
      { name: "limits", value: "{}" },
    ]);
  });

  if (implementation.nodes > 1) severalNodes({ test, expect }, implementation);
}

function severalNodes({ test, expect }: Tests, implementation: Implementation): void {
  test("a setting that is changed reaches every node, once, and of changes at once the last one stays", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    await Promise.all([node.cluster.adjust("limits", '"a"'), other.cluster.adjust("limits", '"b"')]);
    await node.cluster.adjust("limits", '"end"');
    for (const { sink } of cluster.nodes) await sink.until(() => sink.adjustments.at(-1)?.value === '"end"');

    for (const { sink } of cluster.nodes) {
      const values = sink.adjustments.map(({ value }) => value);
      expect(new Set(values).size).toBe(values.length);
    }
  });

  test("every node lists all nodes", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    await cluster.other.cluster.drain();

    for (const { cluster: view } of cluster.nodes) {
      const nodes = await view.nodes();
      expect(nodes.map(({ id, status }) => `${id} ${status}`).sort()).toEqual(["n1 active", "n2 draining"]);
    }
  });

  test("a command answers with the sum of the answers of all nodes", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    for (const each of cluster.nodes) await each.presence.arrive(connectionOf(each, "alice"), NO_RULES);
    node.sink.connections = 2;
    other.sink.connections = 3;

    const answer = await node.cluster.command({ kind: "kick", user: "alice", cause: "kicked" });
    expect(answer).toEqual({ connections: 5, unconfirmed: 0 });
    expect(other.sink.commands).toMatchObject([{ kind: "kick", user: "alice" }]);
  });
}
