import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import type { NodeProcess } from "../../support/nodes/nodes.ts";
import type { Peer } from "../../support/peer.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { Cluster, onEveryRedis } from "../support/cluster.ts";

/** A node that hangs counts as alive as long as a test takes. */
const LONG_LIVED = { CLUSTER_NODE_TIMEOUT: "600" };
/** How long a node waits for the answer of another one. */
const ANSWER_TIMEOUT_MS = 2_000;
const USERS = Array.from({ length: 10 }, (_, index) => `user-${index}`);

/** Makes a node cache the routes to users and to a group of each. */
async function cacheRoutes(node: NodeProcess): Promise<void> {
  for (const user of USERS) {
    await node.post("/ws/message", { to: user, type: "n", ephemeral: true });
    await node.post(`/groups/of-${user}/send`, { type: "n", ephemeral: true });
  }
}

async function logIn(cluster: Cluster, user: string, node: NodeProcess): Promise<Peer> {
  const peer = await cluster.peer(user, node);
  await peer.request("group.join", { group: `of-${user}` });
  return peer;
}

onEveryRedis((redis) => {
  test("logins and joins wait once for a node that hangs, and it misses no message of its users when it continues", async () => {
    await using cluster = await Cluster.start(redis(), LONG_LIVED, 2);
    const { n1, n2 } = cluster;
    await cacheRoutes(n2);
    n2.pause();
    const peers = [await logIn(cluster, "user-0", n1)];

    const begun = performance.now();
    for (const user of USERS.slice(1)) peers.push(await logIn(cluster, user, n1));
    // Nine logins, or nine joins, that wait for so long each take this time at least, also on a quick machine.
    expect(performance.now() - begun).toBeLessThan((USERS.length - 1) * ANSWER_TIMEOUT_MS);

    n2.continue();
    // Commands that were under way may fail when the node continues. While it recovers it drops ephemeral messages.
    for (const [index, peer] of peers.entries()) {
      await eventually(`${USERS[index]} is reached by both channels`, async () => {
        await n2.post("/ws/message", { to: USERS[index], type: "own", ephemeral: true });
        await n2.post(`/groups/of-${USERS[index]}/send`, { type: "group", ephemeral: true });
        const types = peer.frames.map(({ type }) => type);
        return types.includes("own") && types.includes("group");
      });
    }
  });
});

const platformsIn = ({ connections = [] }: { connections?: { platform: string }[] }): string =>
  connections.map(({ platform }) => platform).join();

const KICKED = { code: 4501, reason: "spam" };

/** What becomes of a node while it hangs. */
const HANGS: Record<
  string,
  { env?: Record<string, string>; meanwhile: (cluster: Cluster, redis: RedisServer) => unknown }
> = {
  "hears of the kick when it continues": { env: LONG_LIVED, meanwhile: () => undefined },
  "lost the line of the kick with its connection": {
    env: LONG_LIVED,
    meanwhile: (_, redis) => redis.command("CLIENT", "KILL", "TYPE", "pubsub"),
  },
  "was declared dead": {
    // Longer than both kicks take, each of which may wait for its answer: it is alive for them.
    env: { CLUSTER_NODE_TIMEOUT: "12" },
    meanwhile: ({ n1 }) =>
      eventually("n2 is not listed", async () => (await n1.get("/nodes")).body.length === 1),
  },
};

test.each(Object.entries(HANGS))(
  "a kick tells how many nodes have not confirmed it, and holds on a node that %s",
  async (_, { env, meanwhile }) => {
    await using redis = await RedisServer.start();
    await using cluster = await Cluster.start(redis, env, 2);
    const { n1, n2 } = cluster;
    const here = await cluster.peer("bob", n1);
    const there = [await cluster.peer("bob", n2), await cluster.peer("carol", n2)];
    const spared = await cluster.peer("carol", n2, { platform: "ios" });
    // Logins that are under way when the node hangs would fail.
    for (const peer of [here, ...there, spared]) {
      await peer.next(({ event, channel }) => event === "position" && channel === "all");
    }

    n2.pause();
    const both = await n1.post("/users/bob/kick", { reason: "spam" });
    const one = await n1.post("/users/carol/kick", { reason: "spam", platform: "web" });
    await meanwhile(cluster, redis);
    n2.continue();

    expect(both.body).toEqual({ connections: 1, unconfirmed: 1 });
    expect(one.body).toEqual({ connections: 0, unconfirmed: 1 });
    for (const peer of [here, ...there]) expect(await peer.closed).toEqual(KICKED);
    await eventually("only the spared connection is left", async () => {
      const left = await Promise.all(["bob", "carol"].map((user) => n1.get(`/users/${user}/connections`)));
      return left.map(({ body }) => platformsIn(body)).join("|") === "|ios";
    });
    await spared.caughtUp();
  },
);
