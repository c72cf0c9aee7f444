import { expect, test } from "vitest";
import { castOf, inboundOf, pubSubOf } from "../../../../src/backplane/redis/wire/keys.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { connectionOf, NO_RULES, startCluster } from "../../contract/harness.ts";
import { redisOn } from "../harness.ts";

test("systems with one prefix in two databases of a Redis hear nothing of each other", async () => {
  await using server = await RedisServer.start();
  const implementation = redisOn(
    () => server,
    undefined,
    (index) => ({ url: `${server.url}/${index}`, prefix: "tidings:" }),
  );
  await using cluster = await startCluster(implementation, {}, 2);
  const [first, second] = cluster.nodes;
  if (first === undefined || second === undefined) throw new Error("two nodes were started");

  for (const node of [first, second]) {
    const user = `user of ${node.id}`;
    await node.presence.arrive(connectionOf(node, user), NO_RULES);
    await node.sink.until(() => node.sink.changesOf(user).length === 1);
    // A second change of a user of its own comes behind whatever the other system has sent before.
    await node.presence.arrive(connectionOf(node, `${user} 2`), NO_RULES);
    await node.sink.until(() => node.sink.changesOf(`${user} 2`).length === 1);
  }

  for (const node of [first, second]) {
    expect(node.sink.changes.map(({ user }) => user)).toEqual([`user of ${node.id}`, `user of ${node.id} 2`]);
  }
  const channels = (await server.command("PUBSUB", "CHANNELS", "*")) as string[]; // names
  expect(channels.filter((name) => !/^tidings:\{[01]\}:(cast$|inbox:)/.test(name))).toEqual([]);
});

test("prefix and database make channel names that no other pair makes", () => {
  const pairs: [string, number][] = [
    ["app", 12],
    ["app1", 2],
    ["app12", 0],
    ["app:", 1],
    ["app:1", 1],
    ["app:1:", 1],
  ];
  const names = pairs.flatMap(([prefix, db]) => {
    const pubSub = pubSubOf(prefix, db);
    return [castOf(pubSub), inboundOf(pubSub, "cast")];
  });
  expect(new Set(names).size).toBe(2 * pairs.length);
});
