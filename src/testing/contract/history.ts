import type { HistoryPage } from "../../backplane/backplane.ts";
import { eventually, type Implementation, type StartedCluster, startCluster, upTo } from "../harness.ts";
import type { Tests } from "../runner.ts";

export function historyContract({ test, expect }: Tests, implementation: Implementation): void {
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

  test("a page says that another message is at its offset than the expected one, if it is retained", async () => {
    await using cluster = await startCluster(implementation, { count: 4 });
    await append(cluster, 10);
    const { broker } = cluster.node;
    const { messages } = await broker.history("all", { limit: 1 });
    const differs = async (after: number, id: string): Promise<boolean> =>
      (await broker.history("all", { after, id, limit: 3 })).differs ?? false;

    expect(await differs(10, messages[0]?.id ?? "")).toBe(false);
    expect(await differs(10, "another")).toBe(true);
    expect(await differs(9, messages[0]?.id ?? "")).toBe(true);
    for (const gone of [0, 1, 11]) expect(await differs(gone, "another")).toBe(false);
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

  test("a page since a time begins with the first message that is not older", async () => {
    await using cluster = await startCluster(implementation, { count: 8 });
    const { broker } = cluster.node;
    const start = cluster.now();
    for (const number of upTo(10)) {
      await broker.append(cluster.message("all", { timestamp: start + Math.ceil(number / 2) * 1_000 }));
    }
    const since = async (ms: number, limit = 100): Promise<number[]> =>
      offsets(await broker.history("all", { since: start + ms, limit }));

    // Messages 3 and 4 are of the second 2, 9 and 10 of the second 5.
    expect(await since(0)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await since(3_000)).toEqual([5, 6, 7, 8, 9, 10]);
    expect(await since(3_001)).toEqual([7, 8, 9, 10]);
    expect(await since(3_001, 2)).toEqual([7, 8]);
    expect(await since(5_000)).toEqual([9, 10]);
    expect(await since(5_001)).toEqual([]);
    expect(await broker.history("all", { since: start + 5_001, limit: 1 })).toMatchObject({
      first: 3,
      last: 10,
    });
    expect(await broker.history("user:nobody", { since: start, limit: 1 })).toMatchObject({
      first: 1,
      last: 0,
    });
  });

  test("a message is read as it was published", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;
    const plain = cluster.message("user:bob", { body: '{"text":"Grüße, 世界 \\u0000"}' });
    const filters = { platforms: ["ios", "web"], except: ["c1"], recipient: "carol" };
    const full = cluster.message("user:bob", { from: "alice", ...filters });

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

  test("a page ends early at a number of bytes, and the walk goes on in both directions", async () => {
    await using cluster = await startCluster(implementation, { pageBytes: 10_000 });
    const { broker } = cluster.node;
    // A small message between large ones: the sizes of a page are not alike.
    for (const number of upTo(9)) {
      const size = number % 3 === 0 ? 10 : 4_000;
      await broker.append(cluster.message("all", { body: `"${"x".repeat(size)}"` }));
    }

    expect(offsets(await broker.history("all", { after: 0, limit: 200 }))).toEqual([1, 2, 3]);
    expect(offsets(await broker.history("all", { after: 3, limit: 2 }))).toEqual([4, 5]);
    expect(offsets(await broker.history("all", { limit: 200 }))).toEqual([6, 7, 8, 9]);
    expect(offsets(await broker.history("all", { before: 6, limit: 200 }))).toEqual([3, 4, 5]);
    expect(await walk((after) => broker.history("all", { after, limit: 200 }))).toEqual(upTo(9));
  });

  test("a message that is larger than a page comes alone", async () => {
    await using cluster = await startCluster(implementation, { pageBytes: 1_000 });
    const { broker } = cluster.node;
    for (const size of [10, 5_000, 5_000, 10]) {
      await broker.append(cluster.message("all", { body: `"${"x".repeat(size)}"` }));
    }

    expect(offsets(await broker.history("all", { after: 1, limit: 200 }))).toEqual([2]);
    expect(offsets(await broker.history("all", { before: 4, limit: 200 }))).toEqual([3]);
    expect(await walk((after) => broker.history("all", { after, limit: 200 }))).toEqual(upTo(4));
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

  test("a channel retains about the bytes that it may, its newest messages, and offsets continue", async () => {
    await using cluster = await startCluster(implementation, { channelBytes: 200_000 });
    const { broker } = cluster.node;
    const body = `"${"x".repeat(10_000)}"`;
    for (const _ of upTo(100)) await broker.append(cluster.message("all", { body }));

    await eventually(
      "the oldest are gone",
      async () => (await broker.history("all", { limit: 1 })).first > 75,
    );
    const { first, last } = await broker.history("all", { limit: 1 });
    expect(last).toBe(100);
    expect(first).toBeLessThan(90);
    expect((await broker.append(cluster.message("all"))).offset).toBe(101);
  });

  test("messages over the retained age are not returned", async () => {
    await using cluster = await startCluster(implementation, { ageMs: 2_000 });
    const { broker } = cluster.node;
    await append(cluster, 3);
    await cluster.advance(2_100);
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

/** Reads page after page upwards. @returns the offsets of all */
async function walk(read: (after: number) => Promise<HistoryPage>): Promise<number[]> {
  const seen: number[] = [];
  for (;;) {
    const page = await read(seen.at(-1) ?? 0);
    seen.push(...offsets(page));
    if (page.messages.length === 0 || seen.at(-1) === page.last) return seen;
  }
}

const offsets = ({ messages }: HistoryPage): number[] => messages.map(({ offset }) => offset);
