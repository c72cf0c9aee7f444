import { beforeAll, describe, expect, it } from "vitest";
import type { HubOptions } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";
import { connectRaw } from "../../support/raw.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { call } from "./call.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
  return () => redis[Symbol.asyncDispose]();
});

let clusters = 0;

/** Two nodes of one cluster. */
async function startTwo(options: HubOptions = {}): Promise<[RunningHub, RunningHub]> {
  const cluster = { prefix: `t${++clusters}:`, heartbeatInterval: 0.1, nodeTimeout: 30 };
  const startNode = (id: string) => startHub({ redis: redis.url, cluster, node: { id }, ...options });
  return [await startNode("n1"), await startNode("n2")];
}

const connect = ({ url }: RunningHub, user: string, platform = "web") =>
  connectPeer(url({ user_id: user, platform }));

describe("the HTTP API on two nodes", () => {
  it("lists both nodes on each, with their address, port and connections", async () => {
    const [n1, n2] = await startTwo();
    await connect(n1, "alice");
    await connect(n2, "bob");
    await connect(n2, "carol");
    const node = (id: string, { at }: RunningHub, connections: number) => ({
      ...{ id, ip_address: "127.0.0.1", port: at.port, status: "active", connections },
    });
    const expected = [node("n1", n1, 1), node("n2", n2, 2)];
    for (const asked of [n1, n2]) {
      // The registry shows another node as of its last heartbeat.
      await eventually("both nodes are listed with their connections", async () => {
        const { text } = await call(asked, "/nodes");
        const listed = sorted(JSON.parse(text)).map(({ ageMs, ...rest }) => rest);
        return JSON.stringify(listed) === JSON.stringify(expected);
      });
    }
  });

  it("counts the connections of the asked node exactly, and tells how old the count of another is", async () => {
    const cluster = { prefix: `t${++clusters}:`, heartbeatInterval: 600, nodeTimeout: 6_000 };
    const startNode = (id: string) => startHub({ redis: redis.url, cluster, node: { id } });
    const [n1, n2] = [await startNode("n1"), await startNode("n2")];
    for (const node of [n1, n2]) await connect(node, "bob");
    const listedBy = async (asked: RunningHub) => sorted(JSON.parse((await call(asked, "/nodes")).text));

    expect(await listedBy(n1)).toMatchObject([
      { id: "n1", connections: 1, ageMs: 0 },
      { id: "n2", connections: 0, ageMs: expect.any(Number) },
    ]);
    await eventually("n1 shows that its count of n2 is old", async () => {
      return Number((await listedBy(n1))[1]?.ageMs) > 50;
    });
    expect(await listedBy(n2)).toMatchObject([
      { id: "n1", connections: 0 },
      { id: "n2", connections: 1, ageMs: 0 },
    ]);
  });

  it("answers on each node for the other: statistics, groups, a connection, a drain", async () => {
    const [n1, n2] = await startTwo();
    const alice = await connect(n1, "alice");
    const bob = await connect(n2, "bob");
    const second = await connect(n2, "alice");
    for (const peer of [alice, bob]) await peer.request("group.join", { group: "g" });
    await n1.hub.group("g").send({ type: "n" });
    await bob.next(({ group }) => group === "g");

    expect((await call(n1, "/nodes/n2/stats")).body).toMatchObject({ node: "n2", connections: 2, groups: 1 });
    expect((await call(n1, "/nodes/n2/groups")).body).toMatchObject({ groups: [{ group: "g" }] });
    const { body: top } = await call(n2, "/nodes/top");
    expect(top).toMatchObject({
      node: "n2",
      // Alice is connected to both nodes.
      users: 2,
      nodes: [
        { node: "n1", statistics: { connections: 1, users: 1 } },
        { node: "n2", statistics: { users: 2 } },
      ],
      groups: [{ group: "g", nodes: 2 }],
    });
    const { connection } = await bob.frame("welcome");
    expect((await call(n1, `/connections/${connection}`)).body).toMatchObject({ node: "n2", user: "bob" });
    expect((await call(n1, "/connections/nobody")).status).toBe(404);

    expect((await call(n1, "/nodes/n2/drain", { method: "POST" })).body).toEqual({ connections: 2 });
    for (const peer of [bob, second]) expect((await peer.closed).code).toBe(4000);
    await alice.caughtUp();
  });

  it("tells of the asked node alone, and why, while Redis is away", async () => {
    await using server = await RedisServer.start();
    const n1 = await startHub({ redis: server.url, node: { id: "n1" } });
    await server.kill();
    await eventually(
      "the node has noticed",
      async () => (await call(n1, "/nodes/top")).body.incomplete !== null,
    );

    expect((await call(n1, "/nodes/top")).body).toMatchObject({ users: null, nodes: [{ node: "n1" }] });
    expect((await call(n1, "/nodes/n1/stats")).status).toBe(200);
    expect((await call(n1, "/nodes/n2/stats")).status).toBe(503);
  });

  it("lists the nodes and platforms of a user's connections", async () => {
    const [n1, n2] = await startTwo();
    await connect(n1, "bob", "ios");
    await connect(n2, "bob", "web");
    for (const asked of [n1, n2]) {
      const { body } = await call(asked, "/users/bob/connections");
      const places = (body.connections as { node: string; platform: string }[]).map(
        ({ node, platform }) => `${node} ${platform}`, // shape by docs/PROTOCOL.md and /openapi.json
      );
      expect(places).toEqual(["n1 ios", "n2 web"]);
      expect((await call(asked, "/users")).body).toEqual({
        users: [{ user: "bob", connections: 2, platforms: ["ios", "web"] }],
        count: 1,
      });
    }
  });

  it("kicks a user on all nodes and counts the connections", async () => {
    const [n1, n2] = await startTwo();
    const peers = [await connect(n1, "bob", "ios"), await connect(n2, "bob"), await connect(n2, "bob", "tv")];
    const other = await connect(n2, "alice");
    const only = await call(n1, "/users/bob/kick", { body: { platform: "tv" } });
    expect(only.body).toEqual({ connections: 1, unconfirmed: 0 });
    const all = await call(n1, "/users/bob/kick", { body: { reason: "spam", notice: { until: "monday" } } });
    expect(all.body).toEqual({ connections: 2, unconfirmed: 0 });
    for (const peer of peers) expect((await peer.closed).code).toBe(4501);
    expect(peers[1]?.frames.at(-1)).toMatchObject({
      ...{ event: "notice", code: "kicked", message: "spam", data: { until: "monday" } },
    });
    await eventually("bob has no connection", async () => (await n1.hub.presence.count()).connections === 1);
    expect((await call(n1, "/users/bob/kick", { body: {} })).body).toEqual({
      connections: 0,
      unconfirmed: 0,
    });
    await other.caughtUp();
  });

  it("sends across nodes, and refuses only users who are offline on all of them", async () => {
    const [n1, n2] = await startTwo();
    const bob = await connect(n2, "bob");
    const sent = await call(n1, "/send", { body: { uid: "bob", message: "hi", ephemeral: true } });
    expect(sent).toMatchObject({ status: 200, body: { state: "routed" } });
    expect(await bob.next(({ type }) => type === "message")).toMatchObject({ data: "hi" });
    const nobody = await call(n1, "/send", { body: { uid: "zoe", message: "hi", ephemeral: true } });
    expect(nobody).toMatchObject({ status: 400, body: { error: { message: "client not found: zoe" } } });
  });

  it("lists members of a group on all nodes, and joins users on any node", async () => {
    const [n1, n2] = await startTwo();
    await connect(n1, "alice");
    const bob = await connect(n2, "bob");
    for (const user of ["alice", "bob"]) {
      const { body } = await call(n1, "/groups/g/members", { body: { user } });
      expect(body).toEqual({ connections: 1, unconfirmed: 0 });
    }
    const { body } = await call(n2, "/groups/g/members");
    expect((body.members as { user: string }[]).map(({ user }) => user).sort()).toEqual(["alice", "bob"]); // shape by /openapi.json
    await call(n1, "/groups/g/send", { body: { type: "news" } });
    await bob.next(({ type, group }) => type === "news" && group === "g");
  });

  it("counts the users and connections of the cluster in the stats of each node", async () => {
    const [n1, n2] = await startTwo();
    await connect(n1, "bob");
    await connect(n2, "bob");
    await connect(n2, "alice");
    const { body } = await call(n1, "/stats");
    expect(body).toMatchObject({ node: "n1", connections: 1, cluster: { users: 2, connections: 3 } });
    expect((await call(n2, "/ws/stats")).body).toMatchObject({ connections: 2, cluster: { connections: 3 } });
  });

  it("shows the traffic between nodes in /metrics", async () => {
    const [n1, n2] = await startTwo();
    const bob = await connect(n2, "bob");
    await call(n1, "/ws/message", { body: { to: "bob", type: "e", ephemeral: true } });
    await call(n1, "/ws/message", { body: { to: "bob", type: "s" } });
    await bob.take(2, ({ type }) => type === "e" || type === "s");
    const [sent, received] = await Promise.all(
      [n1, n2].map(async (node) => (await call(node, "/metrics")).text),
    );
    expect(sent).toContain('tidings_backplane_messages_total{direction="out",kind="ephemeral"} 1\n');
    expect(received).toContain('tidings_backplane_messages_total{direction="in",kind="ephemeral"} 1\n');
    expect(received).toContain('tidings_backplane_messages_total{direction="in",kind="stored"} 1\n');
    expect(received).toMatch(/tidings_backplane_bytes_total\{direction="in"\} [1-9]/);
    expect(sent).toMatch(/tidings_backplane_scripts_total\{script="\w+"\} [1-9]/);
    expect(sent).toContain("tidings_backplane_dropped_total 0\n");
    expect(sent).toContain("tidings_backplane_up 1\n");
  });
});

describe("hub.users(list).send", () => {
  it("sends an ephemeral message once to another node, whatever the number of its users", async () => {
    const [n1, n2] = await startTwo();
    const names = Array.from({ length: 20 }, (_, index) => `u${index}`);
    const peers = await Promise.all(names.map((name) => connect(n2, name)));
    const data = "x".repeat(5_000);
    const send = (type: string) => n1.hub.users(names).send({ type, data, ephemeral: true });
    await send("first"); // fills the route cache
    const before = await bytesOut(n1);

    const receipts = await send("second");
    for (const [index, peer] of peers.entries()) {
      expect(await peer.next(({ type }) => type === "second")).toMatchObject({ data, to: names[index] });
    }

    expect(receipts.map(({ state }) => state)).toEqual(names.map(() => "routed"));
    expect((await bytesOut(n1)) - before).toBeLessThan(2 * data.length);
  });
});

async function bytesOut(node: RunningHub): Promise<number> {
  const { text } = await call(node, "/metrics");
  return Number(/tidings_backplane_bytes_total\{direction="out"\} (\d+)/.exec(text)?.[1]);
}

describe("a node that leaves", () => {
  it("is draining while its clients leave, and absent from the registry and presence when it has closed", async () => {
    const [n1, n2] = await startTwo({ shutdown: { drainMs: 60_000 } });
    const stays = await connect(n1, "alice");
    await stays.request("group.join", { group: "g" });
    const leaves = await connect(n2, "bob");
    await leaves.request("group.join", { group: "g" });
    // A client that does not answer keeps the drain going, so that the test can look at it.
    const deaf = await connectRaw(n2.url({ user_id: "bob" }));
    deaf.answersClose = false;
    const closing = n2.hub.close();
    expect((await leaves.closed).code).toBe(4000);
    await eventually("n2 is listed as draining", async () => {
      const { text } = await call(n1, "/nodes");
      return JSON.parse(text).some(({ id, status }: NodeFact) => id === "n2" && status === "draining");
    });
    deaf.socket.destroy();
    await closing;
    expect(await n1.hub.nodes()).toMatchObject([{ id: "n1" }]);
    expect(await n1.hub.user("bob").connections()).toEqual([]);
    expect(await n1.hub.presence.inGroup("g")).toEqual(["alice"]);
    expect(await n1.hub.presence.count()).toEqual({ users: 1, connections: 1 });
  });
});

/** Some fields of `GET /nodes`. */
interface NodeFact {
  readonly id: string;
  readonly status: string;
  readonly ageMs?: number;
}

/** Sorts by id. */
const sorted = (nodes: NodeFact[]): NodeFact[] => nodes.sort((a, b) => a.id.localeCompare(b.id));

describe("PUT /limits on a cluster", () => {
  const limitsAt = async (asked: RunningHub) => (await call(asked, "/limits")).body.limits;

  it("reaches every node, and survives the restart of all of them", async () => {
    const cluster = { prefix: `t${++clusters}:`, heartbeatInterval: 0.1, nodeTimeout: 30 };
    const startNode = (id: string) => startHub({ redis: redis.url, cluster, node: { id } });
    const nodes = [await startNode("n1"), await startNode("n2")];
    const body = { messagesPerUser: "77-S" };
    expect((await call(nodes[0] as RunningHub, "/limits", { method: "PUT", body })).status).toBe(200);
    for (const node of nodes) {
      await eventually("the node has the new limit", async () => {
        return JSON.stringify(await limitsAt(node)).includes('"messagesPerUser":"77-S"');
      });
    }
    for (const { hub } of nodes) await hub.close();
    expect(await limitsAt(await startNode("n3"))).toMatchObject(body);
  });

  it("is taken up by a node that missed the line about it, and written again when Redis has lost it", async () => {
    const cluster = { prefix: `t${++clusters}:`, heartbeatInterval: 0.1, nodeTimeout: 30 };
    const node = await startHub({ redis: redis.url, cluster, node: { id: "n1" } });
    await call(node, "/limits", { method: "PUT", body: { messagesPerUser: "78-S" } });
    const key = `${cluster.prefix}{0}:adjusted`;
    const stored = ["revision:limits", "1", "value:limits", '{"messagesPerUser":"78-S"}'];
    expect(await redis.command("HGETALL", key)).toEqual(stored);
    await redis.command("DEL", key);
    await eventually("the node writes its limits again", () => redis.command("EXISTS", key));
    expect(await redis.command("HGETALL", key)).toEqual(stored);
    await redis.command("HSET", key, "revision:limits", 9, "value:limits", '{"messagesPerUser":"79-S"}');
    await eventually("the node reads the limits of another one", async () => {
      return JSON.stringify(await limitsAt(node)).includes('"messagesPerUser":"79-S"');
    });
  });
});
