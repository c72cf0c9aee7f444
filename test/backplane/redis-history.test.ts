import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { type ClusterOptions, type StartedCluster, startCluster, upTo } from "./harness.ts";
import { redisOn } from "./redis-harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Nodes on a Redis without anything in it. */
async function emptyCluster(options: ClusterOptions, nodes = 1): Promise<StartedCluster> {
  await server.command("FLUSHALL");
  return startCluster(
    redisOn(() => server),
    options,
    nodes,
  );
}

/** Redis's keys of a kind; its answer is names. */
const keysOf = async (kind: string) => (await server.command("KEYS", `*:${kind}:group:g*`)) as string[];

const append = ({ message }: StartedCluster, { broker }: StartedCluster["node"], id?: string) =>
  broker.append(message("group:g", id === undefined ? {} : { id }));

test("Redis keeps at most an eighth more of a channel than is retained", async () => {
  await using cluster = await emptyCluster({ count: 80 });
  for (const number of upTo(500)) {
    expect(await append(cluster, cluster.node)).toMatchObject({ offset: number });
    const [list = ""] = await keysOf("h");
    expect(await server.command("LLEN", list)).toBeLessThanOrEqual(90);
  }

  const { first, last } = await cluster.node.broker.history("group:g", { limit: 1 });
  expect({ first, last }).toEqual({ first: 421, last: 500 });
});

test("a channel has one list and one head, whatever happens to it, and they stay as long as there are messages", async () => {
  await using cluster = await emptyCluster({ count: 8, ageMs: 80_000 }, 2);
  for (const node of cluster.nodes) for (const _ of upTo(50)) await append(cluster, node);
  await cluster.other.broker.join("g", "alice");
  await append(cluster, cluster.node);

  const keys = [...(await keysOf("h")), ...(await keysOf("m"))];

  expect(keys).toHaveLength(2);
  for (const key of keys) expect(await server.command("PTTL", key)).toBe(-1);
});

test("messages that are too old leave Redis without being read, and offsets go on", async () => {
  await using cluster = await emptyCluster({ ageMs: 80_000, heartbeatMs: 1 });
  for (const _ of upTo(3)) await append(cluster, cluster.node);
  await cluster.advance(40_000);
  await append(cluster, cluster.node);
  const before = await cluster.node.broker.positions(["group:g"]);

  await cluster.advance(60_000);
  await eventually(
    "the first three are gone",
    async () => Number(await server.command("LLEN", (await keysOf("h"))[0] ?? "")) <= 1,
  );
  await cluster.advance(60_000);
  await eventually("the history is gone", async () => (await keysOf("h")).length === 0);

  expect(await server.command("PTTL", (await keysOf("m"))[0] ?? "")).toBeGreaterThan(80_000);
  expect(await cluster.node.broker.positions(["group:g"])).toEqual(before);
  expect(await append(cluster, cluster.node)).toMatchObject({ epoch: before[0]?.epoch, offset: 5 });
});

test("a node that remembers a list by a former name appends to the present one", async () => {
  await using cluster = await emptyCluster({ count: 8 }, 2);
  const { node, other } = cluster;

  const offsets: number[] = [];
  for (const number of upTo(60)) {
    // Cutting and joining give the list another name each time.
    if (number % 7 === 0) await other.broker.join("g", `u${number}`);
    if (number % 11 === 0) await node.broker.join("g", `u${number}`);
    offsets.push((await append(cluster, number % 2 === 0 ? node : other)).offset);
  }

  expect(offsets).toEqual(upTo(60).map((number) => number));
  expect(await keysOf("h")).toHaveLength(1);
});

test("messages of one batch keep their order while the list is cut under them, with keys and without", async () => {
  await using cluster = await emptyCluster({ count: 8 }, 2);
  const { node, other, message } = cluster;
  await other.broker.join("g", "alice");
  await append(cluster, node);
  await other.sink.until(() => other.sink.delivered.length === 1);

  for (const withKeys of [false, true]) {
    const start = other.sink.delivered.length;
    const ids = upTo(300).map((number) => `${withKeys}${number}`);
    const appended = await Promise.all(
      ids.map((id, index) =>
        node.broker.append(message("group:g", { id }), withKeys && index % 3 === 0 ? id : undefined),
      ),
    );
    await other.sink.until(() => other.sink.delivered.length === start + 300);

    expect(appended.map(({ offset }) => offset)).toEqual(upTo(300).map((number) => start + number));
    expect(other.sink.delivered.slice(start).map(({ id }) => id)).toEqual(ids);
  }
});

test("a history whose list was evicted is another one, and its members are told", async () => {
  await using cluster = await emptyCluster({}, 2);
  const { node, other } = cluster;
  await other.broker.join("g", "alice");
  const { epoch } = await append(cluster, node);
  for (const _ of upTo(4)) await append(cluster, node);
  await other.sink.until(() => other.sink.delivered.length === 5);

  for (const list of await keysOf("h")) await server.command("DEL", list);
  const next = await append(cluster, node, "next");
  await other.sink.until(() => other.sink.delivered.length === 6);

  expect(next.offset).toBe(1);
  expect(next.epoch).not.toBe(epoch);
  expect(other.sink.losses).toEqual([{ channel: "group:g", position: { epoch: next.epoch, offset: 0 } }]);
  expect(other.sink.delivered.at(-1)).toMatchObject({ id: "next", offset: 1 });
});

test("a node that remembers a list of data that Redis has lost does not append to the new data's", async () => {
  await using cluster = await emptyCluster({}, 2);
  const { node, other } = cluster;
  for (const _ of upTo(9)) await append(cluster, node);

  await server.command("FLUSHALL");
  const epochs = new Set<string>();
  for (const number of upTo(20)) {
    const { offset, epoch } = await append(cluster, number % 2 === 0 ? node : other);
    expect(offset).toBe(number);
    epochs.add(epoch);
  }

  expect(epochs.size).toBe(1);
});
