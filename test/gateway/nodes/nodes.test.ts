import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";
import { UNLIMITED } from "../../support/unlimited.ts";
import { call } from "../http/call.ts";

const N1 = { node: { id: "n1" } };

describe("statistics of a node", () => {
  it("tell of its connections, users, groups, rates and latencies", async () => {
    const running = await startHub(N1);
    const { hub, url } = running;
    const [alice, second, bob] = await Promise.all(
      ["alice", "alice", "bob"].map((user) => connectPeer(url({ user_id: user }))),
    );
    for (const peer of [alice, second, bob]) await peer?.request("group.join", { group: "g1" });
    await bob?.request("group.join", { group: "g2" });
    await hub.group("g1").send({ type: "n" });
    await hub.group("g1").send({ type: "n", ephemeral: true });

    const { body } = await call(running, "/nodes/n1/stats");
    expect(body).toMatchObject({
      ...{ node: "n1", draining: false, connections: 3, users: 2, groups: 2, waiting: 0, degraded: [] },
      latency: { stored: { p99: expect.any(Number) }, delivery: { p50: expect.any(Number) } },
      queues: { connections: 0, bytes: 0 },
      slow: { dropped: 0, waited: 0, closed: 0, cut: 0 },
      ...{ disconnects: {}, denied: {}, refusal: null },
    });
    const { windowMs = 0, ...rates } = body.rates as Record<string, number>;
    const counts = Object.entries(rates).map(([name, rate]) => [name, Math.round((rate * windowMs) / 1_000)]);
    expect(Object.fromEntries(counts)).toEqual({
      ...{ received: 4, published: 2, delivered: 6, dropped: 0, connects: 3, disconnects: 0 },
    });
    expect(Math.abs(Number(body.since) - Date.now())).toBeLessThan(60_000);
    expect(await hub.cluster.statistics("n1")).toMatchObject({ connections: 3 });

    for (const peer of [alice, second]) await peer?.close();
    await eventually("the closes are counted", async () => {
      const { connections, users, groups, disconnects } = await hub.cluster.statistics("n1");
      return connections === 1 && users === 1 && groups === 2 && disconnects.client_left === 2;
    });
    await bob?.request("group.leave", { group: "g1" });
    expect(await hub.cluster.statistics("n1")).toMatchObject({ groups: 1 });
  });

  it("of a node that does not exist are 404", async () => {
    const running = await startHub(N1);
    const { status, body } = await call(running, "/nodes/n2/stats");

    expect({ status, body }).toEqual({
      status: 404,
      body: { error: { code: "not_found", message: "there is no node n2" } },
    });
  });

  it("need an API key of the scope admin", async () => {
    const jwt = { secret: "a secret of at least thirty-two bytes" };
    const running = await startHub({ ...N1, jwt, apiKeys: ["read:an API key that may only read"] });
    const headers = { "x-api-key": "an API key that may only read" };

    for (const path of ["/nodes/n1/stats", "/nodes/top", "/connections/x"])
      expect((await call(running, path, { headers })).status).toBe(403);
  });
});

describe("the busiest groups of a node", () => {
  it("are those with the most messages, which only count where somebody got them", async () => {
    const running = await startHub(N1);
    const peer = await connectPeer(running.url({ user_id: "alice" }));
    for (const group of ["quiet", "busy"]) await peer.request("group.join", { group });
    const send = (group: string) => running.hub.group(group).send({ type: "n" });
    await Promise.all([...Array(9).fill("busy"), "quiet", "empty"].map(send));

    const { body } = await call(running, "/nodes/n1/groups");
    const groups = body.groups as { group: string; messages: number }[];
    expect(groups.map(({ group }) => group)).toEqual(["busy", "quiet"]);
    expect((await call(running, "/nodes/n1/groups?busiest=1")).body.groups).toHaveLength(1);
    expect((await call(running, "/nodes/n1/groups?busiest=101")).status).toBe(400);
  });
});

describe("slow clients", () => {
  it("are listed with their queues, and found by their id", async () => {
    const running = await startHub({ ...N1, ...UNLIMITED, websocket: { messageBufferSize: 1_000 } });
    const { hub, url } = running;
    const quick = await connectPeer(url({ user_id: "alice" }));
    const slow = await connectPeer(url({ user_id: "bob", platform: "ios" }));
    expect((await call(running, "/nodes/n1/connections")).body).toEqual({ connections: [] });
    slow.pause();
    // More than a socket takes whose client does not read.
    const data = "x".repeat(100_000);
    await eventually("bytes wait in the queue of bob", async () => {
      await hub.user("bob").send({ type: "n", data, ephemeral: true });
      await quick.caughtUp();
      return (await hub.cluster.statistics("n1")).queues.bytes > 200_000;
    });

    const { body } = await call(running, "/nodes/n1/connections?slowest=5");
    const bob = {
      ...{ id: expect.any(String), user: "bob", platform: "ios", device: "ios", node: "n1", groups: 0 },
      ...{ address: "127.0.0.1", connectedAt: expect.any(Number) },
      queue: { messages: expect.any(Number), bytes: expect.any(Number), stalledMs: expect.any(Number) },
    };
    expect(body).toEqual({ connections: [bob] });
    const [{ id = "" } = {}] = body.connections as { id?: string }[];
    const found = await call(running, `/connections/${id}`);
    expect(found.body).toEqual(bob);
    expect((found.body.queue as { bytes: number }).bytes).toBeGreaterThan(200_000);
    slow.socket.resume();
  });

  it("are 404 under an id that no node has", async () => {
    const running = await startHub(N1);

    expect((await call(running, "/connections/nobody")).status).toBe(404);
    expect(await running.hub.cluster.connection("nobody")).toBeUndefined();
  });
});

describe("a drain of a node", () => {
  it("tells clients to reconnect and refuses new ones, and the API goes on", async () => {
    const running = await startHub(N1);
    const { hub, url } = running;
    const peer = await connectPeer(url({ user_id: "alice" }));

    const { body } = await call(running, "/nodes/n1/drain", { body: {} });
    expect(body).toEqual({ connections: 1 });
    expect((await peer.closed).code).toBe(4000);
    expect(peer.frames.at(-1)).toMatchObject({ event: "notice", code: "drain" });
    expect((await call(running, "/ready")).body).toMatchObject({ ready: false, reasons: ["draining"] });
    expect(await hub.nodes()).toMatchObject([{ id: "n1", status: "draining" }]);
    expect(await hub.cluster.statistics("n1")).toMatchObject({ draining: true });
    // A second one is the same drain.
    expect((await call(running, "/nodes/n1/drain", { body: {} })).status).toBe(200);
    await hub.close();
  });
});

describe("all nodes at a glance", () => {
  it("have statistics, groups and connections", async () => {
    const running = await startHub(N1);
    const peer = await connectPeer(running.url({ user_id: "alice" }));
    await peer.request("group.join", { group: "g" });
    await running.hub.group("g").send({ type: "n" });

    expect((await call(running, "/nodes/top")).body).toMatchObject({
      ...{ node: "n1", users: 1 },
      nodes: [{ node: "n1", statistics: { connections: 1 } }],
      groups: [{ group: "g", messages: expect.any(Number), nodes: 1 }],
      ...{ connections: [], incomplete: null },
    });
    expect((await call(running, "/nodes/top?busiest=0")).body).toMatchObject({ groups: [] });
    await expect(running.hub.cluster.top({ groups: 26 })).rejects.toMatchObject({ code: "bad_request" });
  });
});
