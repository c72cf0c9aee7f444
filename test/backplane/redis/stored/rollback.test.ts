import { afterAll, beforeAll, expect, test } from "vitest";
import type { Appended, Message } from "../../../../src/backplane/backplane.ts";
import { partitionOf } from "../../../../src/backplane/redis/wire/keys.ts";
import type { Channel } from "../../../../src/protocol/protocol.ts";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { connectionOf, NO_RULES, startCluster, type TestNode, upTo } from "../../contract/harness.ts";
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
    for (const key of keys) await server.command("COPY", `kept ${key}`, key, "REPLACE");
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
    const epoch = await otherEpoch(node, channel, [first.epoch]);
    const next = await appended(node, message(channel));
    expect(next.epoch).toBe(epoch);
    expect(next.offset).toBe(2);
  },
);

/** Stores a message as soon as the node is back. */
async function appended(node: TestNode, message: Message): Promise<Appended> {
  let stored: Appended | undefined;
  await eventually("the message is stored", async () => {
    stored = await node.broker.append(message).catch(() => undefined);
    return stored !== undefined;
  });
  if (stored === undefined) throw new Error("eventually has waited for it");
  return stored;
}

/** Waits until a history has an epoch that it did not have before. */
async function otherEpoch(node: TestNode, channel: Channel, former: readonly string[]): Promise<string> {
  let epoch = "";
  await eventually("the epoch has changed", async () => {
    // The connections are being made anew.
    epoch = await node.broker.history(channel, { limit: 1 }).then(
      (page) => page.epoch,
      () => "",
    );
    return epoch !== "" && !former.includes(epoch);
  });
  return epoch;
}

test("a state of Redis that is restored twice never has an epoch again, and members go on", async () => {
  await using cluster = await startCluster(
    redisOn(() => server),
    { heartbeatMs: 200 },
  );
  const { node, message } = cluster;
  for (const { sink } of cluster.nodes) sink.report = () => undefined; // of the outages
  const channel = "user:eve";
  await node.presence.arrive(connectionOf(node, "eve"), NO_RULES);
  const { epoch: first } = await appended(node, message(channel));
  const restore = await snapshotOf(partitionOf(channel));
  await appended(node, message(channel));

  await restore();
  const second = await otherEpoch(node, channel, [first]);
  await appended(node, message(channel));
  await restore();
  const third = await otherEpoch(node, channel, [first, second]);
  const last = await appended(node, message(channel));
  expect(last.epoch).toBe(third);
  const { delivered } = node.sink;
  await eventually("the member gets the message", () => delivered.some(({ id }) => id === last.id));
});

test("a confirmed message whose offset Redis gave to another is missed, though later ones were delivered", async () => {
  await using cluster = await startCluster(
    redisOn(() => server),
    { heartbeatMs: 200 },
    2,
  );
  const { node, other, message } = cluster;
  for (const { sink } of cluster.nodes) sink.report = () => undefined; // of the outage
  const channel = "user:zoe";
  await node.presence.arrive(connectionOf(node, "zoe"), NO_RULES);
  await node.broker.append(message(channel));
  const { epoch, id } = await node.broker.append(message(channel));
  // As a failover leaves it: the former master stored one message at this offset, the present one another.
  const [list = ""] = await keysLike(`*{${partitionOf(channel)}}:h:${channel}:*`);
  const entry = String(await server.command("LINDEX", list, -1));
  await server.command("LSET", list, -1, entry.replace(id, `${id}f`));
  const later = await other.broker.append(message(channel));
  expect(later).toMatchObject({ epoch, offset: 3 });
  await eventually("the member gets the later message", () =>
    node.sink.delivered.some((delivered) => delivered.id === later.id),
  );

  await server.command("CLIENT", "KILL", "TYPE", "normal");
  await otherEpoch(node, channel, [epoch]);
});
