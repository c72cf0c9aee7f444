import { expect, test } from "vitest";
import { Cluster, onEveryRedis, SHORT_GRACE } from "../support/cluster.ts";
import { Writers } from "../support/writers.ts";

const SPREAD_MS = 1_000;
/** On a machine that runs other tests, sixty clients need more than a moment after their delay. */
const GRACE_MS = 5_000;
const USERS = Array.from({ length: 60 }, (_, index) => `user-${index}`);

/**
 * Every third of the window has somebody, and nobody is outside: of 60 at random moments one in 10¹⁰ runs would fail.
 */
function expectSpread(delays: readonly number[]): void {
  expect(delays.length).toBeGreaterThanOrEqual(USERS.length);
  expect(Math.max(...delays)).toBeLessThanOrEqual(SPREAD_MS);
  const thirds = new Set(delays.map((delay) => Math.min(2, Math.floor((3 * delay) / SPREAD_MS))));
  expect(thirds).toEqual(new Set([0, 1, 2]));
}

onEveryRedis((redis) => {
  test("three nodes restarted one after another under load: no stored message is lost, no user goes offline, and clients reconnect spread out", async () => {
    await using cluster = await Cluster.start(redis(), {
      SHUTDOWN_RECONNECT_SPREAD_MS: String(SPREAD_MS),
      PRESENCE_GRACE_MS: String(GRACE_MS),
    });
    const watcher = await cluster.client("watcher");
    await watcher.client.watchPresence({ all: true });
    const clients = await Promise.all(USERS.map((user) => cluster.client(user)));
    for (const { client } of clients) await client.join("everyone-here");
    const writers = await Writers.start(cluster, USERS);
    await writers.sent(300);

    for (const node of cluster.nodes) {
      const others = cluster.nodes.filter((other) => other !== node);
      // A node that drains answers newcomers with 503, so a balancer takes it out of rotation.
      cluster.balancer.backends = others;
      expect(await node.stop()).toBe(0);
      await cluster.lists(...others);
      await writers.sent(100);
      await node.restart();
      cluster.balancer.backends = cluster.nodes;
      await cluster.lists(...cluster.nodes);
      await writers.sent(100);
    }
    await writers.stop();

    for (const [index, client] of clients.entries()) await writers.expectAllOnce(USERS[index] ?? "", client);
    const closed = clients.flatMap((client) => client.all("closed"));
    expect(new Set(closed.map(({ code }) => code))).toEqual(new Set([4000]));
    expectSpread(closed.map(({ delayMs = 0 }) => delayMs));
    expect(watcher.presences.filter(({ online }) => !online)).toEqual([]);
    const { body } = await cluster.n1.get("/groups/everyone-here/members");
    expect(body.members).toHaveLength(USERS.length);
  });

  test("a closing node leaves presence, directory and registry before its process ends", async () => {
    await using cluster = await Cluster.start(redis(), { ...SHORT_GRACE, CLUSTER_NODE_TIMEOUT: "600" });
    const { n1, n2, n3 } = cluster;
    const watcher = await cluster.watcher(n1);
    const bob = await cluster.peer("bob", n2);
    await bob.request("group.join", { group: "g" });

    await n2.stop();

    const sent = await n3.post("/groups/g/send", { type: "n", ephemeral: true });
    expect(sent.body).toMatchObject({ state: "offline", connections: 0 });
    expect((await n3.get("/users/bob/connections")).body).toEqual({ connections: [] });
    expect((await n3.get("/nodes")).body.map(({ id }: { id: string }) => id).sort()).toEqual(["n1", "n3"]);
    await watcher.until("bob", 2);
    expect(watcher.of("bob")).toEqual([true, false]);
  });
});
