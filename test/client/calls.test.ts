import { expect, onTestFinished, test, vi } from "vitest";
import { FakeServer } from "./fake-server.ts";
import { Observed } from "./harness.ts";

const RECEIPT = { state: "stored", id: "m1", timestamp: 1, offset: 1, connections: 0 };

test("replies resolve their requests in any order", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  const first = alice.client.request("math.double", 1);
  const second = alice.client.request("math.double", 2);
  const [one, two] = [await connection.next(), await connection.next()];
  connection.reply(two, 4);
  connection.reply(one, 2);
  expect(await Promise.all([first, second])).toEqual([2, 4]);
});

test("a refused request rejects with the server's code and message", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  const request = alice.client.join("secret");
  connection.refuse(await connection.next(), "forbidden");
  await expect(request).rejects.toMatchObject({
    code: "forbidden",
    message: "it is forbidden",
    retryable: false,
  });
});

test("an unknown error code becomes `internal`", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  const request = alice.client.request("math.double");
  connection.refuse(await connection.next(), "from_the_future");
  await expect(request).rejects.toMatchObject({ code: "internal" });
});

test("a request without a reply in time rejects with `timeout`, with and without a connection", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const unconnected = alice.client.request("math.double", 1, { timeoutMs: 1 });
  await expect(unconnected).rejects.toMatchObject({ code: "timeout", retryable: true });
  const connection = await server.login();
  const answered = alice.client.request("math.double", 0);
  connection.reply(await connection.next(), 0);
  await answered;
  const unanswered = alice.client.request("math.double", 2, { timeoutMs: 1 });
  await expect(unanswered).rejects.toMatchObject({ code: "timeout" });
  expect(await connection.next()).toMatchObject({ data: 2 });
});

test("calls made while offline are written in order after the connect", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const sent = alice.client.send({ type: "chat", to: "bob", data: 1 });
  const asked = alice.client.request("chat.say", 2);
  const posted = alice.client.send({ type: "chat", group: "g1", key: "mine" });
  const connection = await server.login();
  const frames = [await connection.next(), await connection.next(), await connection.next()];
  expect(frames).toEqual([
    { id: expect.any(Number), type: "chat", to: "bob", data: 1, key: expect.any(String) },
    { id: expect.any(Number), action: "chat.say", data: 2 },
    { id: expect.any(Number), type: "chat", group: "g1", data: null, key: "mine" },
  ]);
  for (const frame of frames) connection.reply(frame, RECEIPT);
  expect(await Promise.all([sent, asked, posted])).toEqual([RECEIPT, RECEIPT, RECEIPT]);
});

test("queued calls wait for the login's reply, because the login joins the groups", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.accept();
  const login = await connection.next();
  void alice.client.send({ type: "chat", group: "g1", data: "stored" }).catch(() => {});
  connection.welcome();
  await alice.client.ready;
  void alice.client.send({ type: "typing", to: "bob", ephemeral: true }).catch(() => {});
  expect(await connection.next()).toMatchObject({ type: "typing", ephemeral: true });
  connection.reply(login, {});
  expect(await connection.next()).toMatchObject({ data: "stored" });
});

test("a full queue rejects further calls", async () => {
  await using alice = new Observed("ws://127.0.0.1:9", { queueLimit: 2 });
  const waiting = [1, 2].map((data) => alice.client.send({ type: "chat", to: "bob", data }));
  const closed = waiting.map((sent) => expect(sent).rejects.toThrow("the client is closed"));
  await expect(alice.client.send({ type: "chat", to: "bob" })).rejects.toMatchObject({ code: "unavailable" });
  await expect(alice.client.request("chat.say")).rejects.toMatchObject({ code: "unavailable" });
  await alice.client.close();
  await Promise.all(closed);
});

test("a message without a receipt is repeated on the next connection, with its key and before newer ones", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  const older = alice.client.send({ type: "chat", to: "bob", data: "older" });
  const frame = await first.next();
  first.cut();
  await alice.status("closed");
  const newer = alice.client.send({ type: "chat", to: "bob", data: "newer" });
  const second = await server.login();
  const again = await second.next();
  expect(again).toEqual(frame);
  second.reply(again, { ...RECEIPT, duplicate: true });
  second.reply(await second.next(), RECEIPT);
  expect(await older).toMatchObject({ duplicate: true });
  expect(await newer).toEqual(RECEIPT);
});

test("a message that breaks every connection is rejected after 20 writes", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const poison = alice.client.send({ type: "chat", to: "bob", data: "poison" });
  const outcome = poison.catch(({ code }) => code);
  for (let write = 0; write < 20; write++) {
    const connection = await server.login();
    expect((await connection.next()).data).toBe("poison");
    connection.close(4004);
  }
  expect(await outcome).toBe("unavailable");
});

test("a message is not repeated after its idempotency key may have expired", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  const outcome = alice.client.send({ type: "chat", to: "bob" }).catch(({ code }) => code);
  await first.next();
  first.cut();
  await alice.status("closed");
  // The clock jumps ahead as after a sleep of the machine, in which no timer fires.
  vi.setSystemTime(Date.now() + 5 * 60_000);
  await server.login();
  expect(await outcome).toBe("timeout");
});

test("idempotency keys are unique per message and per client", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  await using bob = new Observed(server.url, { user: "bob" });
  const connections = [await server.login(), await server.login()];
  const keys = new Set<unknown>();
  for (const { client } of [alice, bob]) {
    for (const to of ["carol", "dave"]) void client.send({ type: "chat", to }).catch(() => {});
  }
  for (const connection of connections) {
    for (const frame of [await connection.next(), await connection.next()]) keys.add(frame.key);
  }
  expect(keys.size).toBe(4);
});

test("a pending request rejects when the connection ends, unless it is idempotent", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  const pay = expect(alice.client.request("shop.pay", 1)).rejects.toMatchObject({ code: "unavailable" });
  const list = alice.client.request("shop.list", 2, { idempotent: true });
  const members = alice.client.members("g1");
  for (let request = 0; request < 3; request++) await first.next();
  first.cut();
  await pay;
  const second = await server.login();
  second.reply(await second.next(), ["book"]);
  second.reply(await second.next(), { members: [{ user: "alice", online: true, durable: false }] });
  expect(await list).toEqual(["book"]);
  expect(await members).toEqual({ members: [{ user: "alice", online: true, durable: false }] });
});

test("ephemeral messages have no key and reject without a connection", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const typing = { type: "typing", to: "bob", ephemeral: true };
  await expect(alice.client.send(typing)).rejects.toMatchObject({ code: "unavailable" });
  const connection = await server.login();
  await alice.client.ready;
  const lost = expect(alice.client.send(typing)).rejects.toMatchObject({
    code: "unavailable",
  });
  expect(await connection.next()).toEqual({ id: expect.any(Number), ...typing, data: null });
  connection.cut();
  await lost;
});

test("`ack` passes its timeout to the server", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  const sent = alice.client.send({ type: "chat", to: "bob", data: 1, ack: true, timeoutMs: 2_000 });
  const frame = await connection.next();
  expect(frame).toMatchObject({ ack: true, timeoutMs: 2_000 });
  connection.reply(frame, { ...RECEIPT, state: "acked" });
  expect((await sent).state).toBe("acked");
});

test("a message without a receipt in time rejects with `timeout`", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { timeoutMs: 1 });
  const waiting = alice.client.send({ type: "chat", to: "bob" });
  await server.login();
  await expect(waiting).rejects.toMatchObject({ code: "timeout" });
});

test("a message over the server's limit rejects in the client, because the server would close the connection", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const early = alice.client.send({ type: "chat", to: "bob", data: "ü".repeat(600) });
  const connection = await server.login({ limits: { messageBytes: 1_000 } });
  await expect(early).rejects.toMatchObject({ code: "too_large" });
  void alice.client.send({ type: "chat", to: "bob", data: "ü".repeat(400) }).catch(() => {});
  expect((await connection.next()).data).toHaveLength(400);
  expect(alice.client.state).toBe("open");
});
