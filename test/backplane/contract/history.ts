import { expect, test } from "vitest";
import type { HistoryPage } from "../../../src/backplane/backplane.ts";
import { type Implementation, type StartedCluster, startCluster, upTo } from "./harness.ts";

export function historyContract(implementation: Implementation): void {
  test("a page upwards starts after its offset and ends at its limit", async () => {
    await using cluster = await startCluster(implementation);
    await append(cluster, 10);
    const { broker } = cluster.node;

    expect(offsets(await broker.history("all", { after: 0, limit: 3 }))).toEqual([1, 2, 3]);
    expect(offsets(await broker.history("all", { after: 3, limit: 3 }))).toEqual([4, 5, 6]);
    expect(offsets(await broker.history("all", { after: 8, limit: 3 }))).toEqual([9, 10]);
    expect(offsets(await broker.history("all", { after: 10, limit: 3 }))).toEqual([]);
    expect(offsets(await broker.history("all", { after: 99, limit: 3 }))).toEqual([]);
    expect(offsets(await broker.history("all", { after: 0, limit: 0 }))).toEqual([]);
  });

  test("a page downwards has the newest messages below its offset, oldest first", async () => {
    await using cluster = await startCluster(implementation);
    await append(cluster, 10);
    const { broker } = cluster.node;

    expect(offsets(await broker.history("all", { limit: 3 }))).toEqual([8, 9, 10]);
    expect(offsets(await broker.history("all", { before: 8, limit: 3 }))).toEqual([5, 6, 7]);
    expect(offsets(await broker.history("all", { before: 3, limit: 3 }))).toEqual([1, 2]);
    expect(offsets(await broker.history("all", { before: 1, limit: 3 }))).toEqual([]);
    expect(offsets(await broker.history("all", { before: 99, limit: 3 }))).toEqual([8, 9, 10]);
    expect(offsets(await broker.history("all", { limit: 0 }))).toEqual([]);
  });

  test("a message is read as it was published", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;
    const plain = cluster.message("user:bob", { body: '{"text":"Grüße, 世界 \\u0000"}' });
    const full = cluster.message("user:bob", { from: "alice", platforms: ["ios", "web"], except: ["c1"] });

    const { epoch } = await broker.append(plain);
    await broker.append(full);

    const { messages } = await broker.history("user:bob", { after: 0, limit: 10 });
    expect(messages).toEqual([
      { ...plain, epoch, offset: 1 },
      { ...full, epoch, offset: 2 },
    ]);
  });

  test("the history of a channel without messages is empty", async () => {
    await using cluster = await startCluster(implementation);

    const page = await cluster.node.broker.history("user:nobody", { limit: 10 });

    expect(page).toMatchObject({ first: 1, last: 0, messages: [] });
    expect(page.epoch).not.toBe("");
  });

  test("the newest messages up to the count are retained, and offsets continue", async () => {
    await using cluster = await startCluster(implementation, { count: 5 });
    await append(cluster, 12);
    const { broker } = cluster.node;

    const page = await broker.history("all", { after: 0, limit: 100 });

    expect(page).toMatchObject({ first: 8, last: 12 });
    expect(offsets(page)).toEqual([8, 9, 10, 11, 12]);
    expect((await broker.append(cluster.message("all"))).offset).toBe(13);
  });

  test("messages over the retained age are not returned", async () => {
    await using cluster = await startCluster(implementation, { ageMs: 1_000 });
    const { broker } = cluster.node;
    await append(cluster, 3);
    await cluster.advance(1_100);
    await append(cluster, 1);

    const page = await broker.history("all", { after: 0, limit: 100 });

    expect(page).toMatchObject({ first: 4, last: 4 });
    expect(offsets(page)).toEqual([4]);
  });

  test("a history whose messages have all expired keeps its epoch, and offsets continue", async () => {
    await using cluster = await startCluster(implementation, { ageMs: 1_000 });
    const { broker } = cluster.node;
    const { epoch } = await broker.append(cluster.message("all"));
    await append(cluster, 2);
    await cluster.advance(1_100);

    expect(await broker.history("all", { limit: 10 })).toEqual({ epoch, first: 4, last: 3, messages: [] });
    expect(await broker.positions(["all"])).toEqual([{ epoch, offset: 3 }]);
    expect(await broker.append(cluster.message("all"))).toMatchObject({ epoch, offset: 4 });
  });
}

async function append(cluster: StartedCluster, count: number): Promise<void> {
  for (const _ of upTo(count)) await cluster.node.broker.append(cluster.message("all"));
}

const offsets = ({ messages }: HistoryPage): number[] => messages.map(({ offset }) => offset);
