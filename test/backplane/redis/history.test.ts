import { afterAll, beforeAll, expect, test } from "vitest";
import { partitionOf } from "../../../src/backplane/redis/wire/keys.ts";
import { eventually } from "../../support/eventually.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { type ClusterOptions, type StartedCluster, startCluster, upTo } from "../contract/harness.ts";
import { redisOn } from "./harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A cluster on an empty Redis. */
async function emptyCluster(options: ClusterOptions, nodes = 1): Promise<StartedCluster> {
  await server.command("FLUSHALL");
  return startCluster(
    redisOn(() => server),
    options,
    nodes,
  );
}

/** Keys of a kind that belong to groups. */
const keysOf = async (kind: string) => (await server.command("KEYS", `*:${kind}:group:g*`)) as string[];

const append = ({ message }: StartedCluster, { broker }: StartedCluster["node"], id?: string) =>
  broker.append(message("group:g", id === undefined ? {} : { id }));

test("a list grows to at most an eighth over the retained count", async () => {
  await using cluster = await emptyCluster({ count: 80 });
  for (const number of upTo(500)) {
    expect(await append(cluster, cluster.node)).toMatchObject({ offset: number });
    const [list = ""] = await keysOf("h");
    expect(await server.command("LLEN", list)).toBeLessThanOrEqual(90);
  }

  const { first, last } = await cluster.node.broker.history("group:g", { limit: 1 });
  expect({ first, last }).toEqual({ first: 421, last: 500 });
});

test("a read takes a page out of Redis, however large the messages of the history are", async () => {
  await using cluster = await emptyCluster({});
  const body = JSON.stringify("x".repeat(400_000));
  for (const _ of upTo(20)) await cluster.node.broker.append(cluster.message("group:g", { body }));
  const sent = async (): Promise<number> =>
    Number(/total_net_output_bytes:(\d+)/.exec(String(await server.command("INFO", "stats")))?.[1]);
  const before = await sent();

  for (const query of [{ limit: 200 }, { before: 9, limit: 200 }, { after: 0, limit: 128 }]) {
    expect((await cluster.node.broker.history("group:g", query)).messages).toHaveLength(1);
  }

  expect((await sent()) - before).toBeLessThan(3 * 450_000);
});

test("a node fills a gap of large messages page by page", async () => {
  await using cluster = await emptyCluster({ pageBytes: 10_000 }, 2);
  const { node, other } = cluster;
  await other.routes.join("g", "alice");
  await append(cluster, node);
  await other.sink.until(() => other.sink.delivered.length === 1);
  const body = JSON.stringify("x".repeat(4_000));
  // Written past the node's inbox, so that the next message shows a gap.
  const [list = ""] = await keysOf("h");
  const entry = String(await server.command("LINDEX", list, "0"));
  for (const number of upTo(9)) {
    const fields = entry.split("\x1f");
    await server.command("RPUSH", list, [`lost${number}`, fields[1], body, ...fields.slice(3)].join("\x1f"));
  }
  await append(cluster, node);

  await other.sink.until(() => other.sink.delivered.length === 11);
  expect(other.sink.offsets("group:g")).toEqual(upTo(11));
});

test("in a Redis that is nearly full the heaviest channels lose their oldest messages, and the others none", async () => {
  await using cluster = await emptyCluster({ heartbeatMs: 5 });
  const { node, message } = cluster;
  const reports: unknown[] = [];
  node.sink.report = (_stage, error) => reports.push(error);
  for (const user of upTo(20)) for (const _ of upTo(3)) await node.broker.append(message(`user:${user}`));
  const body = JSON.stringify("x".repeat(100_000));
  for (const number of upTo(30)) {
    await node.broker.append(message("group:heavy", { body }));
    await node.broker.append(message(`group:invented-${number}`, { body }));
  }
  const used = async (): Promise<number> =>
    Number(/\nused_memory:(\d+)/.exec(String(await server.command("INFO", "memory")))?.[1]);
  const limit = Math.round((await used()) * 1.02);

  try {
    await server.command("CONFIG", "SET", "maxmemory", String(limit));
    await eventually("there is room again", async () => (await used()) < limit * 0.9);
  } finally {
    await server.command("CONFIG", "SET", "maxmemory", "0");
  }

  for (const user of upTo(20)) {
    expect(await node.broker.history(`user:${user}`, { after: 0, limit: 9 })).toMatchObject({
      first: 1,
      last: 3,
    });
  }
  const flood = ["heavy", ...upTo(30).map((number) => `invented-${number}`)];
  const pages = await Promise.all(
    flood.map((name) => node.broker.history(`group:${name}`, { after: 0, limit: 1 })),
  );
  const shortened = pages.filter(({ first }) => first > 1);
  expect(shortened.length).toBeGreaterThan(0);
  expect(shortened.every(({ lost }) => lost)).toBe(true);
  expect(String(reports[0])).toContain("Redis is nearly full");
});

test("a channel has one list and one head, without a lifetime while there are messages", async () => {
  await using cluster = await emptyCluster({ count: 8, ageMs: 80_000 }, 2);
  for (const node of cluster.nodes) for (const _ of upTo(50)) await append(cluster, node);
  await cluster.other.routes.join("g", "alice");
  await append(cluster, cluster.node);

  const keys = [...(await keysOf("h")), ...(await keysOf("m"))];

  expect(keys).toHaveLength(2);
  for (const key of keys) expect(await server.command("PTTL", key)).toBe(-1);
});

test("messages over the retained age leave Redis without a read, and offsets continue", async () => {
  await using cluster = await emptyCluster({ ageMs: 1_000, heartbeatMs: 1 });
  for (const _ of upTo(3)) await append(cluster, cluster.node);
  await cluster.advance(500);
  await append(cluster, cluster.node);
  const before = await cluster.node.broker.positions(["group:g"]);

  await eventually(
    "the first three are gone",
    async () => Number(await server.command("LLEN", (await keysOf("h"))[0] ?? "")) <= 1,
  );
  await eventually("the history is gone", async () => (await keysOf("h")).length === 0);

  expect(await keysOf("m")).toHaveLength(1);
  expect(await cluster.node.broker.positions(["group:g"])).toEqual(before);
  expect(await append(cluster, cluster.node)).toMatchObject({ epoch: before[0]?.epoch, offset: 5 });
});

test("messages of a channel with an age of its own leave Redis without a read, and those of others stay", async () => {
  const channels = { "group:gone-*": { ageMs: 300 } };
  await using cluster = await emptyCluster({ heartbeatMs: 1, channels });
  const { broker } = cluster.node;
  for (const name of ["gone-1", "g"] as const) await broker.append(cluster.message(`group:${name}`));

  await eventually("its list is gone", async () => (await keysOf("h")).every((key) => !key.includes("gone")));

  expect(await keysOf("h")).toHaveLength(1);
});

test("channels without messages leave nothing, and their positions stay valid", async () => {
  await using cluster = await emptyCluster({}, 2);
  const channels = upTo(200).map((number) => `group:g${number}` as const);

  const [first, second] = await Promise.all(cluster.nodes.map(({ broker }) => broker.positions(channels)));

  expect(second).toEqual(first);
  expect(await server.command("KEYS", "*:group:g*")).toEqual([]);
  const { message, node } = cluster;
  expect(await node.broker.append(message("group:g7"))).toMatchObject({ ...first?.[6], offset: 1 });
});

test("an empty history is forgotten in the end, and its epoch is not used again", async () => {
  await using cluster = await emptyCluster({ ageMs: 100, heartbeatMs: 1 });
  const { broker } = cluster.node;
  const { epoch } = await append(cluster, cluster.node);
  await eventually("the history is empty", async () => (await keysOf("h")).length === 0);

  // A day from now, at the earliest.
  const [schedule = ""] = (await server.command("KEYS", `*{${partitionOf("group:g")}}:expiry`)) as string[]; // names
  await server.command("ZADD", schedule, 0, "group:g");
  await eventually("the head is gone", async () => (await keysOf("m")).length === 0);

  const [position] = await broker.positions(["group:g"]);
  expect(position?.offset).toBe(0);
  expect(position?.epoch).not.toBe(epoch);
  expect(await append(cluster, cluster.node)).toMatchObject({ epoch: position?.epoch, offset: 1 });
});

test.each(["m:group:g", "expiry", "buckets"])(
  "%s is lost: a new history never has the epoch of the lost one",
  async (name) => {
    await using cluster = await emptyCluster({});
    const { broker } = cluster.node;
    const { epoch } = await append(cluster, cluster.node);

    const base = `*{${partitionOf("group:g")}}`;
    for (const lost of [name, "m:group:g"]) {
      for (const key of (await server.command("KEYS", `${base}:${lost}`)) as string[])
        await server.command("DEL", key); // names
    }

    expect((await broker.positions(["group:g"]))[0]?.epoch).not.toBe(epoch);
  },
);

test("a node with an outdated append target appends to the present list", async () => {
  await using cluster = await emptyCluster({ count: 8 }, 2);
  const { node, other } = cluster;

  const offsets: number[] = [];
  for (const number of upTo(60)) {
    // Each trim and each join changes the key of the list.
    if (number % 7 === 0) await other.routes.join("g", `u${number}`);
    if (number % 11 === 0) await node.routes.join("g", `u${number}`);
    offsets.push((await append(cluster, number % 2 === 0 ? node : other)).offset);
  }

  expect(offsets).toEqual(upTo(60).map((number) => number));
  expect(await keysOf("h")).toHaveLength(1);
});

test("messages of one batch keep their order while the list is trimmed, with and without idempotency keys", async () => {
  await using cluster = await emptyCluster({ count: 8 }, 2);
  const { node, other, message } = cluster;
  await other.routes.join("g", "alice");
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

test("a history whose list was evicted continues under a new epoch, and nodes with members report the loss", async () => {
  await using cluster = await emptyCluster({}, 2);
  const { node, other } = cluster;
  await other.routes.join("g", "alice");
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

test("after Redis has lost its data, append targets of the former data are not used", async () => {
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
