import { expect, test } from "vitest";
import { memoryBackplane } from "../../../src/backplane/backplane.ts";
import type { Channel } from "../../../src/protocol/protocol.ts";
import {
  connectionOf,
  type Implementation,
  NO_RULES,
  type StartedCluster,
  startCluster,
  upTo,
} from "../contract/harness.ts";

/** Bounds on memory, which the memory backplane promises beyond the contract. */

const KIB = 2 ** 10;
const TOTAL_BYTES = 64 * KIB;
/** Size of a message: three histories with one such message fit the bound, a fourth does not. */
const BODY = `"${" ".repeat(20 * KIB)}"`;

const NOW = 1_763_690_000_000;

const bounded: Implementation = {
  nodes: 1,
  async createCluster() {
    const history = { count: 1_000, ageMs: 1_000, totalBytes: TOTAL_BYTES };
    const backplane = memoryBackplane({ history, idempotencyKeys: 10, now: () => NOW });
    return { backplanes: [backplane], now: () => NOW, async advance() {}, async loseHistories() {} };
  },
};

/** Appends a message of a size of which three fit the bound. */
const append = ({ node, message }: StartedCluster, channel: Channel) =>
  node.broker.append(message(channel, { body: BODY }));

const lost = ({ node }: StartedCluster): Channel[] => node.sink.losses.map(({ channel }) => channel);

test("the histories that were used least recently are lost first", async () => {
  await using cluster = await startCluster(bounded);
  for (const channel of ["group:a", "group:b", "group:c"] as const) await append(cluster, channel);
  expect(lost(cluster)).toEqual([]);

  await append(cluster, "group:d");
  expect(lost(cluster)).toEqual(["group:a"]);
  await append(cluster, "group:e");
  expect(lost(cluster)).toEqual(["group:a", "group:b"]);
});

test("appends, pages and positions count as use", async () => {
  await using cluster = await startCluster(bounded);
  const { broker } = cluster.node;
  for (const channel of ["group:a", "group:b", "group:c"] as const) await append(cluster, channel);

  await broker.history("group:a", { limit: 1 });
  await append(cluster, "group:d");
  expect(lost(cluster)).toEqual(["group:b"]);
  await broker.positions(["group:c"]);
  await append(cluster, "group:e");
  expect(lost(cluster)).toEqual(["group:b", "group:a"]);
  await broker.append(cluster.message("group:c"));
  await append(cluster, "group:f");
  expect(lost(cluster)).toEqual(["group:b", "group:a", "group:d"]);
});

test("a lost history keeps its cursors and starts at offset 1 under the epoch that was reported", async () => {
  await using cluster = await startCluster(bounded);
  const { broker, cursors, sink } = cluster.node;
  const { epoch: former } = await append(cluster, "group:a");
  await cursors.move("bob", "web", "group:a", { offset: 1 });
  for (const channel of ["group:b", "group:c", "group:d"] as const) await append(cluster, channel);

  const { epoch, offset } = await broker.append(cluster.message("group:a"));

  expect(sink.losses).toEqual([{ channel: "group:a", position: { epoch, offset: 0 } }]);
  expect(offset).toBe(1);
  expect(epoch).not.toBe(former);
  expect(await cursors.read("bob", "web", ["group:a"])).toEqual([{ epoch: former, offset: 1 }]);
  await expect(cursors.move("bob", "web", "group:a", { offset: 1, epoch: former })).rejects.toMatchObject({
    code: "conflict",
  });
});

test("a history that exceeds the bound alone loses its oldest messages and keeps its epoch", async () => {
  await using cluster = await startCluster(bounded);
  const { epoch } = await append(cluster, "all");
  for (const _ of upTo(9)) await append(cluster, "all");

  const page = await cluster.node.broker.history("all", { limit: 100 });

  expect(page).toMatchObject({ epoch, first: 8, last: 10 });
  expect(lost(cluster)).toEqual([]);
});

test("a message larger than the bound is kept while it is the newest", async () => {
  await using cluster = await startCluster(bounded);
  const { broker } = cluster.node;
  await append(cluster, "all");
  await broker.append(cluster.message("all", { body: `"${" ".repeat(2 * TOTAL_BYTES)}"` }));

  expect(await broker.history("all", { limit: 100 })).toMatchObject({ first: 2, last: 2 });
  await broker.append(cluster.message("all"));
  expect(await broker.history("all", { limit: 100 })).toMatchObject({ first: 3, last: 3 });
});

test("a flood of channels leaves a bounded number, and the newest one reports no loss", async () => {
  await using cluster = await startCluster(bounded);
  const { broker } = cluster.node;

  for (const number of upTo(5_000)) await broker.positions([`user:${number}`]);

  expect(lost(cluster).filter((channel) => channel === "user:5000")).toEqual([]);
  const [newest] = await broker.positions(["user:5000"]);
  expect(await broker.append(cluster.message("user:5000"))).toMatchObject({
    epoch: newest?.epoch,
    offset: 1,
  });
});

test("an empty channel that was evicted reports its new position before its first message", async () => {
  await using cluster = await startCluster(bounded);
  const { broker, sink } = cluster.node;
  await broker.positions(["user:bob"]);
  await broker.positions(upTo(5_000).map((number): Channel => `user:${number}`));
  for (const channel of ["group:a", "group:b", "group:c", "group:d"] as const) await append(cluster, channel);

  const { epoch } = await broker.append(cluster.message("user:bob"));

  expect(sink.losses.filter(({ channel }) => channel === "user:bob")).toEqual([
    { channel: "user:bob", position: { epoch, offset: 0 } },
  ]);
});

test("the heaviest history is lost first, however lately it was used", async () => {
  await using cluster = await startCluster(bounded);
  const { broker } = cluster.node;
  const light = (channel: Channel) => broker.append(cluster.message(channel, { body: '"hello"' }));
  for (const user of upTo(20)) await light(`user:${user}`);

  for (const number of upTo(50)) await append(cluster, `group:${number}`);

  expect(lost(cluster)).toEqual(upTo(48).map((number): Channel => `group:${number}`));
  for (const user of upTo(20)) expect(await light(`user:${user}`)).toMatchObject({ offset: 2 });
});

test("a history that grows pays for it with its own oldest messages", async () => {
  await using cluster = await startCluster(bounded);
  const { broker } = cluster.node;
  for (const user of upTo(5)) await broker.append(cluster.message(`user:${user}`));
  for (const _ of upTo(30)) await append(cluster, "group:g");

  expect(lost(cluster)).toEqual([]);
  expect(await broker.history("group:g", { limit: 1 })).toMatchObject({ first: 28, last: 30 });
});

test("a flood of small or blank histories pushes no larger one out", async () => {
  await using cluster = await startCluster(bounded);
  const { broker } = cluster.node;
  for (const _ of upTo(5)) {
    await broker.append(cluster.message("user:bob", { body: `"${" ".repeat(1_000)}"` }));
  }

  for (const number of upTo(2_000)) await broker.positions([`group:blank-${number}`]);
  for (const number of upTo(2_000)) await broker.append(cluster.message(`user:invented-${number}`));

  expect(lost(cluster)).not.toContain("user:bob");
  expect(await broker.history("user:bob", { limit: 9 })).toMatchObject({ first: 1, last: 5 });
});

test("a new history after one with cursors was removed says that messages may be lost", async () => {
  await using cluster = await startCluster(bounded);
  const { broker, cursors } = cluster.node;
  const start = async (channel: Channel) => (await broker.history(channel, { after: 0, limit: 9 })).lost;
  await append(cluster, "user:bob");
  await cursors.move("bob", "web", "user:bob", { offset: 1 });
  for (const channel of ["group:b", "group:c", "group:d"] as const) await append(cluster, channel);
  expect(await start("user:new")).toBeUndefined();

  await broker.positions(upTo(5_000).map((number): Channel => `group:blank-${number}`));

  expect(await cursors.read("bob", "web", ["user:bob"])).toEqual([undefined]);
  expect(await start("user:bob")).toBe(true);
});

test("cursors count towards the bound", async () => {
  await using cluster = await startCluster(bounded);
  const { cursors } = cluster.node;
  for (const channel of ["group:a", "group:b", "all"] as const) await append(cluster, channel);

  for (const number of upTo(500)) await cursors.move(`u${number}`, "web", "all", { offset: 1 });

  expect(lost(cluster)).toEqual(["group:a", "group:b"]);
});

test("at least as many idempotency keys as the limit are kept, and at most twice as many", async () => {
  await using cluster = await startCluster(bounded);
  const { broker, idempotency } = cluster.node;
  for (const number of upTo(100)) await broker.append(cluster.message("all"), `k${number}`);

  const known = [];
  for (const number of upTo(100).reverse()) {
    const first = await idempotency.begin(`k${number}`, "{}");
    if (first === undefined) break;
    known.push(number);
  }

  expect(known.length).toBeGreaterThanOrEqual(10);
  expect(known.length).toBeLessThanOrEqual(20);
});

test("pages of online users have no gaps after ten thousand users have connected and disconnected", async () => {
  await using cluster = await startCluster(bounded);
  const { node } = cluster;
  const staying = connectionOf(node, "staying");
  await node.presence.arrive(staying, NO_RULES);

  for (const number of upTo(10_000)) {
    const connection = connectionOf(node, `u${number}`);
    await node.presence.arrive(connection, NO_RULES);
    await node.presence.depart(connection);
  }

  expect(await node.presence.online({ limit: 10 })).toEqual({
    users: [{ user: "staying", connections: 1, platforms: ["web"] }],
  });
});
