import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { startCluster, upTo } from "../contract/harness.ts";
import { redisOn } from "./harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const implementation = redisOn(() => server);
/** Ways to append a batch: one script, or a transaction with one command for each message. */
const WAYS = { "a script": implementation, commands: redisOn(() => server, 1) };

test("scripts are sent again after SCRIPT FLUSH, and messages keep their order", async () => {
  await using cluster = await startCluster(implementation);
  const { broker } = cluster.node;

  for (const round of upTo(5)) {
    await server.command("SCRIPT", "FLUSH");
    const appended = await Promise.all(upTo(20).map(() => broker.append(cluster.message("group:g"))));
    expect(appended.map(({ offset }) => offset)).toEqual(upTo(20).map((number) => (round - 1) * 20 + number));
  }
});

test.each(Object.entries(WAYS))(
  "messages of any length and alphabet arrive unchanged, ephemeral and stored by %s",
  async (_, implementation) => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other, message } = cluster;
    await other.routes.join("g", "alice");
    // Lengths below and above the limit from which payloads go into pooled buffers, and above the largest buffer.
    const bodies = [1, 3_000, 5_000, 60_000, 400_000].map((length) =>
      JSON.stringify("xé🙂 ".repeat(length / 5)),
    );

    for (const body of bodies) await node.broker.append(message("group:g", { body }));
    for (const body of bodies) await node.broker.relay(message("group:g", { body }));
    await other.sink.until(() => other.sink.delivered.length === 2 * bodies.length);

    // Ephemeral messages keep their order, and so do stored ones; there is no order between the two.
    const arrived = (isStored: boolean) =>
      other.sink.delivered.filter((each) => "offset" in each === isStored).map(({ body }) => body);
    expect(arrived(true)).toEqual(bodies);
    expect(arrived(false)).toEqual(bodies);
  },
);

test("a script call carries at most half a million characters of data, and messages keep their order", async () => {
  await using cluster = await startCluster(implementation);
  const { node, message } = cluster;
  const calls = () => node.backplane.traffic?.scripts.append ?? 0;
  const before = calls();

  const body = JSON.stringify("x".repeat(100_000));
  const appended = await Promise.all(upTo(18).map(() => node.broker.append(message("group:g", { body }))));

  expect(appended.map(({ offset }) => offset)).toEqual(upTo(18).map((number) => number));
  expect(calls() - before).toBe(3);
});

test.each(Object.entries(WAYS))(
  "when the connection is lost, pending appends end, and later payloads are intact (%s)",
  async (_, implementation) => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other, message } = cluster;
    await other.routes.join("g", "alice");
    const reported: string[] = [];
    for (const { sink } of cluster.nodes) sink.report = (stage) => reported.push(stage);
    const body = JSON.stringify("x".repeat(10_000));

    const lost = upTo(20).map((number) =>
      node.broker.append(message("group:g", { id: `lost${number}`, body })),
    );
    await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    const outcomes = await Promise.allSettled(lost);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "unavailable" });
    }
    await eventually("a message is stored again", () =>
      node.broker.append(message("group:g", { id: "after" })).catch(() => undefined),
    );
    await other.sink.until(() => other.sink.delivered.some(({ id }) => id === "after"));

    for (const stage of reported) expect(stage).toBe("redis");
    const { messages } = await node.broker.history("group:g", { limit: 100 });
    expect(other.sink.delivered.map(({ id }) => id)).toEqual(messages.map(({ id }) => id));
    for (const each of messages) if (each.id !== "after") expect(each.body).toBe(body);
  },
);
