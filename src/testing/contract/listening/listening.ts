import type { Channel } from "../../../protocol/protocol.ts";
import { type Implementation, startCluster, upTo } from "../../harness.ts";
import type { Tests } from "../../runner.ts";

const CHANNEL: Channel = "group:g";

const COUNT = 100;

export function listeningContract({ test, expect }: Tests, implementation: Implementation): void {
  const nodes = Math.min(2, implementation.nodes);

  test("a node that listens gets the stored messages of a channel without members, once and in order", async () => {
    await using cluster = await startCluster(implementation, {}, nodes);
    for (const { broker } of cluster.nodes) await broker.listen(CHANNEL);
    const { broker, presence, rooms } = cluster.node;

    const appends = upTo(COUNT).map(() => broker.append(cluster.message(CHANNEL)));
    const appended = await Promise.all(appends);

    for (const { sink } of cluster.nodes) {
      await sink.until(() => sink.delivered.length === COUNT);
      expect(sink.offsets(CHANNEL)).toEqual(upTo(COUNT));
    }
    expect(appended.every((receipt) => receipt.nodes === 0)).toBe(true);
    expect(await presence.inGroup("g")).toEqual([]);
    expect((await rooms.page("g", { of: "joined", after: 0, limit: 1 })).joined).toBe(0);
  });

  test("a node that listens and has members gets each message once", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, routes, sink } = cluster.node;
    await broker.listen(CHANNEL);
    await broker.listen(CHANNEL);
    await routes.join("g", "alice");
    for (const _ of upTo(3)) await broker.append(cluster.message(CHANNEL));
    await routes.leave("g", "alice");
    for (const _ of upTo(3)) await broker.append(cluster.message(CHANNEL));

    await sink.until(() => sink.delivered.length === 6);
    expect(sink.offsets(CHANNEL)).toEqual(upTo(6));
  });

  if (implementation.nodes > 1) severalNodes({ test, expect }, implementation);
}

function severalNodes({ test, expect }: Tests, implementation: Implementation): void {
  test("a node listens from its call on until it ends it, to nodes that have published before too", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    await other.routes.join("h", "alice");
    const append = (channel: Channel) => node.broker.append(cluster.message(channel));
    await append(CHANNEL);
    await other.broker.listen(CHANNEL);
    await append(CHANNEL);
    await other.sink.until(() => other.sink.delivered.length === 1);
    await other.broker.unlisten(CHANNEL);
    await append(CHANNEL);
    await append("group:h");
    await other.sink.until(() => other.sink.offsets("group:h").length === 1);

    expect(other.sink.offsets(CHANNEL)).toEqual([2]);
  });

  test("the notice of an edit reaches a node that listens, and an ephemeral message does not", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    await other.broker.listen(CHANNEL);
    const { epoch, offset, id } = await node.broker.append(cluster.message(CHANNEL));

    expect(await node.broker.relay(cluster.message(CHANNEL))).toBe(0);
    const notice = cluster.message(CHANNEL, { type: "message.edited" });
    await node.broker.edit({ notice, epoch, offset, id, body: '"new"' });

    await other.sink.until(() => other.sink.delivered.length === 2);
    expect(other.sink.offsets(CHANNEL)).toEqual([1, 2]);
  });

  test("the channels of a user and of everyone are heard, and nobody is online for it", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    for (const channel of ["user:bob", "all"] as const) {
      await other.broker.listen(channel);
      const { nodes } = await node.broker.append(cluster.message(channel));
      await other.sink.until(() => other.sink.offsets(channel).length === 1);
      // Every node is a member of the channel of everyone.
      expect({ channel, nodes }).toEqual({ channel, nodes: channel === "all" ? 1 : 0 });
    }
    expect(await node.presence.isOnline("bob")).toBe(false);
    expect(await node.presence.count()).toEqual({ users: 0, connections: 0 });
  });
}
