import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { connect, TidingsError } from "../../src/client/client.ts";
import { FakeServer } from "./fake-server.ts";
import { Observed, QUICK } from "./harness.ts";

test("logs in by its first message, without a token in the URL", async () => {
  await using server = await FakeServer.listen();
  const positions = { "user:alice": { epoch: "e1", offset: 3 } };
  await using alice = new Observed(server.url, {
    token: "secret",
    platform: "ios",
    device: "phone",
    positions,
  });
  const connection = await server.accept();
  expect(await connection.next()).toMatchObject({
    action: "robot.login",
    data: { token: "secret", platform: "ios", device: "phone", resume: positions },
  });
  expect(connection.path).toBe("/ws");
  connection.welcome();
  await expect(alice.client.ready).resolves.toMatchObject({ user: "alice", connection: "c1" });
  expect(alice.client.user).toBe("alice");
  expect(alice.statuses.map(({ type }) => type)).toEqual(["connecting", "open"]);
});

test("without token and user the upgrade request carries the credentials and the positions", async () => {
  await using server = await FakeServer.listen();
  const positions = { all: { epoch: "e1", offset: 3 } };
  const url = `${server.url}?user_id=alice`;
  await using alice = new Observed(url, { user: undefined, device: "phone", positions });
  const connection = await server.accept();
  const { searchParams } = new URL(connection.path, url);
  expect(Object.fromEntries(searchParams)).toEqual({
    user_id: "alice",
    device: "phone",
    resume: JSON.stringify(positions),
  });
  connection.welcome();
  const reply = alice.client.request("robot.ping");
  connection.reply(await connection.next(), "pong");
  expect(await reply).toBe("pong");
});

test("accepts the WebSocket class of the package ws", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { WebSocket });
  await server.login();
  await expect(alice.client.ready).resolves.toMatchObject({ user: "alice" });
});

test("an http URL becomes a ws URL, and an invalid URL throws", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url.replace("ws:", "http:"));
  await server.login();
  await alice.client.ready;
  expect(() => connect("nowhere")).toThrow(TidingsError);
});

test("reconnects after a lost connection, after 1011, and after a retryable close code", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  (await server.login()).cut();
  (await server.login()).close(1011);
  (await server.login()).close(4001, "too slow");
  await server.login();
  await alice.status("open", 4);
  expect(alice.all("closed")).toMatchObject([
    { code: 1006, willRetry: true },
    { code: 1011, willRetry: true },
    { code: 4001, reason: "too slow", willRetry: true },
  ]);
});

test("does not reconnect after a final close code, and rejects pending calls", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const waiting = alice.client.request("chat.say");
  (await server.login()).close(4501, "out");
  expect(await alice.status("closed")).toEqual({
    type: "closed",
    code: 4501,
    reason: "out",
    willRetry: false,
    error: expect.objectContaining({ code: "kicked", retryable: false }),
  });
  await expect(waiting).rejects.toMatchObject({ code: "kicked" });
  expect(alice.client.state).toBe("closed");
  await expect(alice.client.send({ type: "chat", to: "bob" })).rejects.toMatchObject({ code: "kicked" });
});

test("invalid credentials reject `ready`", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { token: "wrong" });
  (await server.accept()).close(4500, "the credentials are not valid");
  await expect(alice.client.ready).rejects.toMatchObject({ code: "unauthorized" });
});

test("repeats a login after a retryable error, and stops after a final one", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.accept();
  first.refuse(await first.next(), "unavailable");
  const second = await server.accept();
  second.refuse(await second.next(), "bad_request");
  await alice.until(() => alice.client.state === "closed");
  await alice.until(() => alice.all("closed").length === 2);
  expect(alice.all("error")).toMatchObject([
    { stage: "server", error: { code: "unavailable" } },
    { stage: "server", error: { code: "bad_request" } },
  ]);
});

test("counts the attempts since the last welcome", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  for (let attempt = 1; attempt <= 3; attempt++) (await server.accept()).cut();
  (await server.login()).cut();
  await alice.status("connecting", 5);
  expect(alice.all("connecting").map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 1]);
});

test("reconnects after the delay of the drain notice", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  connection.send({ event: "notice", code: "drain", message: "closing", reconnectMs: 17 });
  connection.close(4000);
  expect(await alice.status("closed")).toMatchObject({ code: 4000, delayMs: 17 });
  expect(await alice.status("notice")).toMatchObject({ code: "drain", message: "closing" });
  await server.login();
});

test("reconnects to a server that restarts on its port", async () => {
  const server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  await server.login();
  await alice.client.ready;
  await server[Symbol.asyncDispose]();
  await alice.status("closed", 3);
  await using next = await FakeServer.listen(server.port);
  await next.login();
  await alice.status("open", 2);
});

test("an attempt without a welcome times out", async () => {
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  await using alice = new Observed(`ws://127.0.0.1:${port}`, { connectTimeoutMs: 10 });
  const { reason } = await alice.status("closed", 2);
  expect(reason).toBe("no welcome within 10 ms");
});

test("a silent connection is pinged after one heartbeat, and ended without an answer", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const silent = await server.accept();
  silent.answersPings = false;
  const login = await silent.next();
  silent.welcome({ heartbeatMs: 60 });
  silent.reply(login, {});
  expect(await silent.next()).toEqual({ type: "ping" });
  const answering = await server.accept();
  answering.answersPings = false;
  const again = await answering.next();
  answering.welcome({ heartbeatMs: 500 });
  answering.reply(again, {});
  expect(await alice.status("closed")).toMatchObject({ reason: "no pong within 60 ms" });
  for (let heartbeat = 0; heartbeat < 5; heartbeat++) {
    expect(await answering.next()).toEqual({ type: "ping" });
    answering.send({ type: "pong" });
  }
  expect(alice.all("closed")).toHaveLength(1);
});

test("retries at once when the network is online again", async () => {
  const events = new EventTarget();
  // Node's global object emits no `online` event, so the test adds the browser methods that the client uses.
  const browser = {
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
  };
  Object.assign(globalThis, browser);
  onTestFinished(() => {
    for (const name of Object.keys(browser)) Reflect.deleteProperty(globalThis, name);
  });
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { reconnect: { minMs: 1e9, maxMs: 1e9 } });
  (await server.login()).cut();
  await alice.status("closed");
  events.dispatchEvent(new Event("online"));
  await server.login();
  await alice.status("open", 2);
});

test("fetches a new token for every connection", async () => {
  await using server = await FakeServer.listen();
  let asked = 0;
  await using alice = new Observed(server.url, { token: async () => `token ${++asked}` });
  const first = await server.accept();
  expect((await first.next()).data.token).toBe("token 1");
  first.welcome();
  first.close(4005, "the token has expired");
  const second = await server.accept();
  expect((await second.next()).data.token).toBe("token 2");
  expect(await alice.status("closed")).toMatchObject({ code: 4005, willRetry: true });
});

test("reports a token provider that throws, and calls it again", async () => {
  await using server = await FakeServer.listen();
  const down = new Error("the identity server is down");
  let asked = 0;
  const token = (): string => {
    if (++asked < 3) throw down;
    return "token";
  };
  await using alice = new Observed(server.url, { token });
  await server.login();
  await alice.client.ready;
  expect(alice.all("error")).toEqual([
    { type: "error", stage: "token", error: down },
    { type: "error", stage: "token", error: down },
  ]);
});

test("renews the login before it expires, on the same connection", async () => {
  await using server = await FakeServer.listen();
  let asked = 0;
  await using alice = new Observed(server.url, { token: () => `token ${++asked}` });
  const connection = await server.login({ expiresAt: Date.now() + 200 });
  const renewal = await connection.next();
  expect(renewal).toMatchObject({ action: "robot.login", data: { token: "token 2" } });
  connection.reply(renewal, { user: "alice", expiresAt: Date.now() + 200 });
  expect((await connection.next()).data).toEqual({ token: "token 3" });
  expect(alice.all("closed")).toEqual([]);
});

test("renews the login at the notice `token_expiring`", async () => {
  await using server = await FakeServer.listen();
  await using _alice = new Observed(server.url, { token: () => "token" });
  const connection = await server.login();
  connection.send({ event: "notice", code: "token_expiring", message: "soon", data: { expiresAt: 1 } });
  expect(await connection.next()).toMatchObject({ action: "robot.login", data: { token: "token" } });
});

test("reports a failed renewal, and repeats it before the login expires", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { token: () => "token" });
  const connection = await server.login({ expiresAt: Date.now() + 1_500 });
  connection.refuse(await connection.next(), "unauthorized");
  expect(await alice.status("error")).toMatchObject({ stage: "token", error: { code: "unauthorized" } });
  expect(await connection.next()).toMatchObject({ action: "robot.login" });
});

test("survives unknown and unreadable frames", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  for (const text of ["{", "null", "[]", "1", "{}", '{"id":99,"data":1}', '{"type":7}'])
    connection.send(text);
  connection.send({ error: { code: "from_the_future", message: "?" } });
  connection.push(1);
  await alice.until(() => alice.received.includes(1));
  expect(alice.all("error").map(({ stage }) => stage)).toEqual(["frame", "frame", "server"]);
  expect(alice.client.state).toBe("open");
});

test("close sends code 1000, is final, and emits one status", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  await alice.client.ready;
  await Promise.all([alice.client.close(), alice.client.close()]);
  expect(await connection.ended).toBe(1000);
  expect(alice.all("closed")).toEqual([{ type: "closed", code: 1000, reason: "", willRetry: false }]);
});

test("a client closed before it connects rejects `ready` and never connects", async () => {
  await using alice = new Observed("ws://127.0.0.1:9", { reconnect: QUICK });
  await alice.client.close();
  await expect(alice.client.ready).rejects.toMatchObject({ code: "unavailable" });
  expect(alice.all("connecting")).toEqual([]);
});

test("a closed client does not keep the process alive", async () => {
  await using server = await FakeServer.listen();
  const program = fork(new URL("exit-program.ts", import.meta.url), [server.url]);
  const connection = await server.login({ heartbeatMs: 60_000, expiresAt: Date.now() + 3_600_000 });
  connection.position("user:alice", { epoch: "e1", offset: 0 });
  connection.push(1);
  connection.push(5);
  expect(await once(program, "exit")).toEqual([0, null]);
});
