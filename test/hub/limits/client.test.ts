import { describe, expect, test } from "vitest";
import { type ClientFrame, type FakeConnection, FakeServer } from "../../client/fake-server.ts";
import { Observed } from "../../client/harness.ts";
import { startHub } from "../../support/hub.ts";

const RECEIPT = { state: "stored", id: "m1", timestamp: 1, offset: 1, connections: 0 };

/** Refuses a call as a limit does. */
const limit = (connection: FakeConnection, { id }: ClientFrame, retryAfterMs?: number): void =>
  connection.send({ id, error: { code: "rate_limited", message: "too many", retryAfterMs } });

describe("a call that a rate limit refuses", () => {
  test("is written again after the time that the server names, and then answered", async () => {
    await using server = await FakeServer.listen();
    await using alice = new Observed(server.url);
    const connection = await server.login();
    const request = alice.client.request("math.double", 2, { idempotent: true });
    const first = await connection.next();
    limit(connection, first, 20);
    const second = await connection.next();
    expect(second).toEqual(first);
    connection.reply(second, 4);
    expect(await request).toBe(4);
  });

  test("is written again under the same idempotency key, and later messages keep their place behind it", async () => {
    await using server = await FakeServer.listen();
    await using alice = new Observed(server.url);
    const connection = await server.login();
    const one = alice.client.send({ type: "chat", to: "bob", data: 1 });
    const first = await connection.next();
    limit(connection, first, 2_000); // far longer than what follows takes
    // The refusal has arrived when what the server sent after it has.
    connection.push(1);
    await alice.until(() => alice.received.length === 1);
    const ack = await connection.next();
    connection.reply(ack, {});
    const two = alice.client.send({ type: "chat", to: "bob", data: 2 });
    const typing = alice.client.send({ type: "typing", to: "bob", ephemeral: true });
    const frames = [await connection.next(), await connection.next(), await connection.next()];
    expect(frames.map(({ type, data }) => [type, data])).toEqual([
      ["typing", null],
      ["chat", 1],
      ["chat", 2],
    ]);
    expect(frames[1]?.key).toBe(first.key);
    for (const frame of frames) connection.reply(frame, RECEIPT);
    await Promise.all([one, two, typing]);
  });

  test("rejects at once when the time is after its timeout", async () => {
    await using server = await FakeServer.listen();
    await using alice = new Observed(server.url);
    const connection = await server.login();
    const request = alice.client.request("math.double", 2, { idempotent: true, timeoutMs: 60_000 });
    limit(connection, await connection.next(), 60_000);
    await expect(request).rejects.toMatchObject({
      code: "rate_limited",
      retryAfterMs: 60_000,
      retryable: true,
    });
  });

  test.each([
    ["a request that is not idempotent", 20],
    ["a refusal without a time", undefined],
  ])("rejects at once: %s", async (_case, retryAfterMs) => {
    await using server = await FakeServer.listen();
    await using alice = new Observed(server.url);
    const connection = await server.login();
    const idempotent = retryAfterMs === undefined;
    const request = alice.client.request("math.double", 2, { idempotent });
    limit(connection, await connection.next(), retryAfterMs);
    await expect(request).rejects.toMatchObject({ code: "rate_limited", retryAfterMs });
  });

  test("is written on the next connection when this one ends before the time", async () => {
    await using server = await FakeServer.listen();
    await using alice = new Observed(server.url);
    const connection = await server.login();
    const sent = alice.client.send({ type: "chat", to: "bob", data: 1 });
    limit(connection, await connection.next(), 9_000);
    connection.push(1);
    await alice.until(() => alice.received.length === 1);
    connection.cut();
    const next = await server.login();
    let frame = await next.next();
    while (frame.type !== "chat") {
      next.reply(frame, {});
      frame = await next.next();
    }
    next.reply(frame, RECEIPT);
    expect(await sent).toEqual(RECEIPT);
  });
});

test("a client that is closed with 4006 reconnects after the time of the notice", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  connection.send({ event: "notice", code: "rate_limited", message: "too many", reconnectMs: 35 });
  connection.close(4006, "too many");
  expect(await alice.status("closed")).toMatchObject({ code: 4006, willRetry: true, delayMs: 35 });
  await server.login();
});

test("a burst over the rate of a hub arrives whole and in order", async () => {
  const { hub, at } = await startHub({ limits: { messagesPerConnection: "20-S" } });
  await using alice = new Observed(`${at.url}/ws`, { autoAck: false });
  await alice.client.ready;
  const sent = Array.from({ length: 50 }, (_, n) => alice.client.send({ type: "n", to: "bob", data: n }));
  await Promise.all(sent);
  const { messages } = await hub.history("user:bob", { limit: 100 });
  expect(messages.map(({ data }) => data)).toEqual(Array.from({ length: 50 }, (_, n) => n));
});
