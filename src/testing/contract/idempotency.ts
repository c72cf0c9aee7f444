import { type Implementation, startCluster, upTo } from "../harness.ts";
import type { Tests } from "../runner.ts";

export function idempotencyContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a duplicate appends and delivers nothing, and resolves with the position of the first message", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, routes, sink } = cluster.node;
    await routes.join("g", "alice");
    const first = await broker.append(cluster.message("group:g"), "k1");

    const duplicate = await broker.append(cluster.message("group:g"), "k1");

    expect(duplicate).toEqual({ ...first, here: { connections: 0, dropped: 0 }, nodes: 0, duplicate: true });
    expect(await broker.append(cluster.message("group:g", { id: "later" }))).toMatchObject({ offset: 2 });
    await sink.until(() => sink.delivered.length === 2);
    expect(sink.delivered.map(({ id }) => id)).toEqual([first.id, "later"]);
  });

  test("of duplicates at the same time exactly one is appended", async () => {
    await using cluster = await startCluster(implementation, {}, Math.min(2, implementation.nodes));
    const attempts = upTo(50).flatMap(() => cluster.nodes);

    const appended = await Promise.all(
      attempts.map(({ broker }) => broker.append(cluster.message("group:g"), "k1")),
    );

    const [first, ...others] = appended.filter(({ duplicate }) => !duplicate);
    expect(others).toEqual([]);
    expect(new Set(appended.map(({ id }) => id))).toEqual(new Set([first?.id]));
    expect(await cluster.node.broker.history("group:g", { limit: 9 })).toMatchObject({ first: 1, last: 1 });
  });

  test("messages with other keys or without a key are no duplicates", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;

    const appended = [];
    for (const key of ["k1", "k2", undefined, undefined]) {
      appended.push(await broker.append(cluster.message("all"), key));
    }

    expect(appended.map(({ offset }) => offset)).toEqual([1, 2, 3, 4]);
    expect(appended.filter(({ duplicate }) => duplicate)).toEqual([]);
  });

  test("an idempotency key expires after its window, counted from the first publish", async () => {
    await using cluster = await startCluster(implementation, { idempotencyWindowMs: 3_000 });
    const { broker } = cluster.node;
    await broker.append(cluster.message("all"), "k1");
    await cluster.advance(1_000);
    expect(await broker.append(cluster.message("all"), "k1")).toMatchObject({ duplicate: true });
    await cluster.advance(2_100);

    expect(await broker.append(cluster.message("all"), "k1")).toMatchObject({ duplicate: false, offset: 2 });
  });

  test("a duplicate resolves with the receipt that was remembered last", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, idempotency } = cluster.node;
    await broker.append(cluster.message("all"), "k1");
    await idempotency.complete("k1", '{"state":"stored"}');
    await idempotency.complete("k1", '{"state":"acked"}');

    expect(await broker.append(cluster.message("all"), "k1")).toMatchObject({ receipt: '{"state":"acked"}' });
  });

  test("remembering a receipt does not reserve an unknown key", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, idempotency } = cluster.node;
    await idempotency.complete("k1", '{"state":"stored"}');

    expect(await broker.append(cluster.message("all"), "k1")).toMatchObject({ duplicate: false });
    expect(await broker.append(cluster.message("all"), "k1")).not.toHaveProperty(
      "receipt",
      expect.anything(),
    );
  });

  test("of ephemeral publishes under one key exactly one is the first, and duplicates get its receipt", async () => {
    await using cluster = await startCluster(implementation, {}, Math.min(2, implementation.nodes));
    const attempts = upTo(50).flatMap(() => cluster.nodes);

    const answers = await Promise.all(
      attempts.map(({ idempotency }, index) => idempotency.begin("k1", `{"id":"${index}"}`)),
    );

    const winner = answers.indexOf(undefined);
    const others = answers.filter((_, index) => index !== winner);
    expect(new Set(others)).toEqual(new Set([`{"id":"${winner}"}`]));
    await cluster.node.idempotency.complete("k1", '{"state":"delivered"}');
    expect(await cluster.node.idempotency.begin("k1", "{}")).toBe('{"state":"delivered"}');
  });

  test("the key of an ephemeral publish expires after its window", async () => {
    await using cluster = await startCluster(implementation, { idempotencyWindowMs: 1_000 });
    const { idempotency } = cluster.node;
    await idempotency.begin("k1", "{}");
    await cluster.advance(1_100);

    expect(await idempotency.begin("k1", "{}")).toBeUndefined();
  });

  test("stored and ephemeral messages share one space of idempotency keys", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, idempotency } = cluster.node;
    await broker.append(cluster.message("all"), "stored");
    await idempotency.begin("ephemeral", '{"state":"delivered"}');

    expect(await idempotency.begin("stored", '{"id":"own"}')).toBe('{"id":"own"}');
    await idempotency.complete("stored", '{"state":"stored"}');
    expect(await idempotency.begin("stored", '{"id":"own"}')).toBe('{"state":"stored"}');
    expect(await broker.append(cluster.message("all"), "ephemeral")).toMatchObject({
      duplicate: true,
      offset: 0,
      receipt: '{"state":"delivered"}',
    });
    expect(await broker.positions(["all"])).toMatchObject([{ offset: 1 }]);
  });
}
