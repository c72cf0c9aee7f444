import { type Implementation, startCluster, upTo } from "../harness.ts";
import type { Tests } from "../runner.ts";

const COUNT = 200;

export function deliveryContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a stored message arrives on the node that published it, with its position", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, routes, sink } = cluster.node;
    await routes.join("g", "alice");
    const filters = { platforms: ["web"], except: ["c9"] };
    const message = cluster.message("group:g", { from: "bob", recipient: "carol", ...filters });

    const { epoch, offset } = await broker.append(message);

    await sink.until(() => sink.delivered.length === 1);
    expect(offset).toBe(1);
    expect(sink.delivered).toEqual([{ ...message, epoch, offset }]);
  });

  test("an append resolves with the message's id, timestamp and receivers", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, routes, sink } = cluster.node;
    sink.connections = 3;
    await routes.join("g", "alice");
    const message = cluster.message("group:g");

    const { id, timestamp, here, nodes, duplicate, receipt } = await broker.append(message);

    expect({ id, timestamp }).toEqual({ id: message.id, timestamp: message.timestamp });
    expect(here).toEqual({ connections: 3, dropped: 0 });
    expect({ nodes, duplicate, receipt }).toEqual({ nodes: 0, duplicate: false, receipt: undefined });
  });

  test("consecutive appends keep their order", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, routes, sink } = cluster.node;
    await routes.join("g", "alice");
    const messages = upTo(COUNT).map(() => cluster.message("group:g"));

    const appended = await Promise.all(messages.map((message) => broker.append(message)));

    await sink.until(() => sink.delivered.length === COUNT);
    expect(appended.map(({ offset }) => offset)).toEqual(upTo(COUNT));
    expect(sink.delivered.map(({ id }) => id)).toEqual(messages.map(({ id }) => id));
    expect(sink.offsets("group:g")).toEqual(upTo(COUNT));
  });

  test("each channel counts its own offsets", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;

    for (const channel of ["all", "user:a", "group:a"] as const) {
      expect((await broker.append(cluster.message(channel))).offset).toBe(1);
      expect((await broker.append(cluster.message(channel))).offset).toBe(2);
    }
  });

  test("an ephemeral message does not arrive at its origin", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, routes, sink } = cluster.node;
    await routes.join("g", "alice");

    expect(await broker.relay(cluster.message("group:g"))).toBe(0);
    await broker.append(cluster.message("group:g", { id: "later" }));

    await sink.until(() => sink.delivered.length > 0);
    expect(sink.delivered.map(({ id }) => id)).toEqual(["later"]);
  });

  if (implementation.nodes > 1) severalNodes({ test, expect }, implementation);
}

function severalNodes({ test, expect }: Tests, implementation: Implementation): void {
  test("every node with members delivers one order, whichever node publishes", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { nodes } = cluster;
    for (const { routes } of nodes) await routes.join("g", "alice");

    await Promise.all(
      upTo(COUNT).flatMap(() => nodes.map(({ broker }) => broker.append(cluster.message("group:g")))),
    );

    for (const { sink } of nodes) {
      await sink.until(() => sink.delivered.length === 2 * COUNT);
      expect(sink.offsets("group:g")).toEqual(upTo(2 * COUNT));
    }
    const [first, second] = nodes.map(({ sink }) => sink.delivered.map(({ id }) => id));
    expect(second).toEqual(first);
  });

  test("the other nodes report which of their connections took a message", async () => {
    await using cluster = await startCluster(implementation, {}, 3);
    const { broker } = cluster.node;
    const [, second, third] = cluster.nodes;
    for (const { routes } of cluster.nodes) await routes.join("g", "alice");
    if (second !== undefined) second.sink.connections = 3;
    if (third !== undefined) third.sink.connections = 2;
    for (const kind of ["stored", "ephemeral"]) {
      const message = cluster.message("group:g");
      const tallied = broker.tally(message);
      await (kind === "stored" ? broker.append(message) : broker.relay(message));
      expect({ kind, ...(await tallied) }).toEqual({ kind, connections: 5, dropped: 0, silent: 0 });
    }
    const nobody = { connections: 0, dropped: 0, silent: 0 };
    expect((await broker.tally(cluster.message("group:empty"))) ?? nobody).toEqual(nobody);
  });

  test("an append counts the connections of its node and the other nodes", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    cluster.node.sink.connections = 3;
    for (const { routes } of cluster.nodes) await routes.join("g", "alice");

    expect(await cluster.node.broker.append(cluster.message("group:g"))).toMatchObject({
      here: { connections: 3, dropped: 0 },
      nodes: 1,
    });
  });

  test("an ephemeral message arrives on the other nodes that have members, once", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    await other.routes.join("g", "alice");
    const message = cluster.message("group:g");

    expect(await node.broker.relay(message)).toBe(1);
    await node.broker.append(cluster.message("group:g", { id: "later" }));

    await other.sink.until(() => other.sink.delivered.length === 2);
    expect(other.sink.delivered.map(({ id }) => id).sort()).toEqual(["later", message.id].sort());
    expect(node.sink.delivered.filter(({ id }) => id === message.id)).toEqual([]);
  });

  test("a node whose last member left a group gets no more of its messages", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    await other.routes.join("g", "alice");
    await other.routes.join("h", "alice");
    await other.routes.leave("g", "alice");

    await node.broker.append(cluster.message("group:g"));
    await node.broker.append(cluster.message("group:h", { id: "later" }));

    await other.sink.until(() => other.sink.delivered.length > 0);
    expect(other.sink.delivered.map(({ id }) => id)).toEqual(["later"]);
  });
}
