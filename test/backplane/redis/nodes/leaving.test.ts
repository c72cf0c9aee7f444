import { expect, test } from "vitest";
import { RedisServer } from "../../../support/redis/redis.ts";
import { connectionOf, NO_RULES, startCluster } from "../../contract/harness.ts";
import { redisOn } from "../harness.ts";

test("a node that has left leaves only fences, for a minute", async () => {
  await using server = await RedisServer.start();
  const cluster = await startCluster(redisOn(() => server));
  const before = await keysOf(server);
  const { node } = cluster;
  await node.presence.arrive(connectionOf(node, "bob"), NO_RULES);
  await node.routes.join("g", "bob");

  await cluster[Symbol.asyncDispose]();

  const left = (await keysOf(server)).filter(
    (key) => !before.includes(key) && !/:(seq|serial|grace|conns)$/.test(key),
  );
  expect(left.filter((key) => !/:f:/.test(key))).toEqual([]);
  for (const key of left) expect(await server.command("TTL", key)).toBeLessThanOrEqual(60);
});

const keysOf = async (server: RedisServer) => (await server.command("KEYS", "*")) as string[]; // names
