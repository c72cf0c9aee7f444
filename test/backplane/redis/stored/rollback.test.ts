import { afterAll, beforeAll, expect, test } from "vitest";
import { partitionOf } from "../../../../src/backplane/redis/wire/keys.ts";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { connectionOf, NO_RULES, startCluster, upTo } from "../../contract/harness.ts";
import { redisOn } from "../harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const keysLike = async (pattern: string): Promise<string[]> =>
  (await server.command("KEYS", pattern)) as string[]; // KEYS answers with names

/** Remembers the state of a partition. @returns brings it back, as a restore from a snapshot does */
async function snapshotOf(partition: number): Promise<() => Promise<void>> {
  const keys = await keysLike(`*{${partition}}:*`);
  for (const key of keys) await server.command("COPY", key, `kept ${key}`);
  return async () => {
    for (const key of keys) await server.command("RENAME", `kept ${key}`, key);
    await server.command("CLIENT", "KILL", "TYPE", "normal");
  };
}

test.for([
  { who: "nobody has", joins: false },
  { who: "a member has", joins: true },
])(
  "confirmed messages that $who received are missing in an older state of Redis: the epoch changes",
  async ({ joins }) => {
    await using cluster = await startCluster(
      redisOn(() => server),
      { heartbeatMs: 200 },
    );
    const { node, message } = cluster;
    for (const { sink } of cluster.nodes) sink.report = () => undefined; // of the outage
    const channel = `user:bob-${joins}` as const;
    if (joins) await node.presence.arrive(connectionOf(node, `bob-${joins}`), NO_RULES);
    const first = await node.broker.append(message(channel));
    const restore = await snapshotOf(partitionOf(channel));
    for (const _ of upTo(3)) await node.broker.append(message(channel));

    await restore();
    const epochNow = (): Promise<string | undefined> =>
      node.broker.history(channel, { limit: 1 }).then(
        ({ epoch }) => epoch,
        () => undefined, // the connections are being made anew
      );
    await eventually("the epoch has changed", async () => {
      const epoch = await epochNow();
      return epoch !== undefined && epoch !== first.epoch;
    });
    const next = await node.broker.append(message(channel));
    expect(next.epoch).toBe(await epochNow());
    expect(next.offset).toBe(2);
  },
);
