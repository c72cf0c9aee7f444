import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import type { NodeProcess } from "../../support/nodes/nodes.ts";
import { Cluster, onEveryRedis, SHORT_GRACE } from "../support/cluster.ts";
import { incarnations, traces, usersInGrace } from "../support/registry.ts";
import { Writers } from "../support/writers.ts";

const RESIDENTS = ["ada", "bea", "cia"];
const TRAVELLERS = Array.from({ length: 12 }, (_, index) => `traveller-${index}`);

/** Users of one node who do not reconnect after its end. They are also the only members of a group. */
async function addResidents(cluster: Cluster, node: NodeProcess): Promise<void> {
  for (const user of RESIDENTS) {
    const peer = await cluster.peer(user, node);
    await peer.request("group.join", { group: "residents" });
  }
}

onEveryRedis((redis) => {
  test("a node killed under load: its users go offline once, and no stored message is lost or duplicated", async () => {
    await using cluster = await Cluster.start(redis(), SHORT_GRACE);
    const { n1, n2, n3 } = cluster;
    const watchers = [await cluster.watcher(n1), await cluster.watcher(n3)];
    await addResidents(cluster, n2);
    const clients = await Promise.all(TRAVELLERS.map((user) => cluster.client(user)));
    const writers = await Writers.start(cluster, TRAVELLERS);
    await writers.sent(500);

    await n2.kill();
    for (const watcher of watchers) {
      for (const user of RESIDENTS) await watcher.until(user, 2);
    }
    await writers.sent(500);
    await writers.stop();

    for (const [index, client] of clients.entries()) {
      await writers.expectAllOnce(TRAVELLERS[index] ?? "", client);
    }
    for (const watcher of watchers) {
      for (const user of RESIDENTS) expect(watcher.of(user), user).toEqual([true, false]);
      for (const user of TRAVELLERS) expect(watcher.of(user), user).toEqual([true]);
    }
    await cluster.lists(n1, n3);
  });

  test("a killed node disappears from presence, directory and counts", async () => {
    await using cluster = await Cluster.start(redis(), SHORT_GRACE);
    const { n1, n2, n3 } = cluster;
    const watcher = await cluster.watcher(n1);
    await addResidents(cluster, n2);
    const bob = await cluster.client("bob", cluster.balancer, { platform: "ios" });
    await cluster.peer("bob", n2);
    const killed = (await incarnations(redis(), cluster.prefix)).get("n2") ?? "";
    expect(await traces(redis(), cluster.prefix, killed)).not.toEqual([]);

    await n2.kill();
    for (const user of RESIDENTS) await watcher.until(user, 2);

    for (const node of [n1, n3]) {
      for (const user of RESIDENTS) {
        expect((await node.get(`/users/${user}/connections`)).body).toEqual({ connections: [] });
        const sent = await node.post("/ws/message", { to: user, type: "n", ephemeral: true });
        expect(sent.body).toMatchObject({ state: "offline", connections: 0 });
      }
      const sent = await node.post("/groups/residents/send", { type: "n", ephemeral: true });
      expect(sent.body).toMatchObject({ state: "offline", connections: 0 });
      expect((await node.get("/groups/residents/members")).body).toEqual({
        members: [],
        online: 0,
        durable: 0,
      });
      const { connection } = bob.client;
      expect((await node.get("/users/bob/connections")).body).toMatchObject({
        connections: [{ id: connection }],
      });
      expect((await node.get("/users")).body).toMatchObject({ count: 2 });
      expect((await node.get("/stats")).body.cluster).toEqual({ users: 2, connections: 2 });
    }
    await cluster.lists(n1, n3);
    await eventually(
      "Redis has no trace of the killed node",
      async () => (await traces(redis(), cluster.prefix, killed)).length === 0,
    );
  });

  test("a killed node that starts again serves its users as before", async () => {
    // The grace period outlasts the restart of a process on a busy machine, so an offline user would be a fault.
    await using cluster = await Cluster.start(redis(), { PRESENCE_GRACE_MS: "60000" });
    const { n1, n2, n3 } = cluster;
    const watcher = await cluster.watcher(n1);
    const bob = await cluster.client("bob", n2);

    await n2.kill();
    await n2.restart();
    await bob.status("open", 2);
    const sent = await n3.post("/ws/message", {
      to: "bob",
      type: "n",
      data: "again",
      ack: true,
      timeoutMs: 60_000,
    });

    expect(sent.body).toMatchObject({ state: "acked" });
    expect(bob.received).toEqual(["again"]);
    await cluster.lists(n1, n2, n3);
    await eventually(
      "bob has one connection",
      async () => (await n1.get("/users/bob/connections")).body.connections.length === 1,
    );
    expect(watcher.of("bob")).toEqual([true]);
    expect(await usersInGrace(redis(), cluster.prefix)).toEqual([]);
  });
});
