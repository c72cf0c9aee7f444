import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import type { Peer } from "../../support/peer.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { Cluster, SHORT_GRACE } from "../support/cluster.ts";

/** A node that hangs counts as alive as long as a test takes. */
const LONG_LIVED = { ...SHORT_GRACE, CLUSTER_NODE_TIMEOUT: "600", CLUSTER_HEARTBEAT_INTERVAL: "1" };

const changesOf = ({ frames }: Peer, user: string): unknown[] =>
  frames.filter((frame) => frame.event === "presence" && frame.user === user).map(({ online }) => online);

/** Cuts the subscription of n2 while it hangs, and waits until n1 has another one. */
async function cutN2({ n1, n2 }: Cluster, redis: RedisServer): Promise<void> {
  n2.pause();
  await redis.command("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually("n1 can publish again", async () => (await n1.get("/ready")).status === 200);
}

test("changes of presence that a node missed are told to its watchers once, and nothing else is", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis, LONG_LIVED, 2);
  const { n1, n2 } = cluster;
  const [alice, back] = [await cluster.peer("alice", n1), await cluster.peer("back", n1)];
  await cluster.peer("stays", n1);
  const [byName, ofAll] = [await cluster.peer("w1", n2), await cluster.peer("w2", n2)];
  const users = ["alice", "back", "stays", "new", "never"];
  await eventually("n2 has told who is online", async () => {
    const { data } = await byName.request("presence.watch", { users });
    return Object.keys((data as { online: object }).online).length === 3;
  });
  await ofAll.request("presence.watch", { all: true });
  const here = await cluster.peer("w3", n1);

  await cutN2(cluster, redis);
  await here.request("presence.watch", { users: [...users, "flag"] });
  await Promise.all([alice.close(), back.close()]);
  await here.take(2, ({ event, online }) => event === "presence" && online === false);
  await cluster.peer("back", n1);
  await cluster.peer("new", n1);
  await here.take(2, ({ event, online }) => event === "presence" && online === true);
  n2.continue();

  for (const watcher of [byName, ofAll]) {
    await watcher.next(({ event, user, online }) => event === "presence" && user === "alice" && !online);
    await watcher.next(
      ({ event, user, online }) => event === "presence" && user === "new" && online === true,
    );
  }
  // Events arrive again, after all that the comparison told.
  await byName.request("presence.watch", { users: ["flag"] });
  await cluster.peer("flag", n1);
  for (const watcher of [byName, ofAll]) await watcher.next(({ user }) => user === "flag");
  for (const watcher of [byName, ofAll]) {
    const told = users.map((user) => [user, changesOf(watcher, user)]);
    const expected = { alice: [false], back: [], stays: [], new: [true], never: [] };
    expect(Object.fromEntries(told)).toEqual(expected);
  }
});

test("an acknowledgement that a node missed resolves the publish that waits for it", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis, LONG_LIVED, 2);
  const { n1, n2 } = cluster;
  const bob = await cluster.peer("bob", n1);
  const message = { type: "n", to: "bob", ack: true, timeoutMs: 60_000 };
  const sent = n2.post("/ws/message", message);
  await bob.frame("n");

  await cutN2(cluster, redis);
  expect(await bob.request("message.ack", { offset: 1 })).toMatchObject({ data: { offset: 1 } });
  n2.continue();

  expect((await sent).body).toMatchObject({ state: "acked", offset: 1 });
});
