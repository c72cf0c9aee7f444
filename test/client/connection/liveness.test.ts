import { expect, onTestFinished, test, vi } from "vitest";
import { type FakeConnection, FakeServer } from "../fake-server.ts";
import { Observed } from "../harness.ts";

const RECEIPT = { state: "stored", id: "m1", timestamp: 1, offset: 1, connections: 0 };
/** A probe lasts 5 s, and no longer than a heartbeat. Shorter ones are missed on a busy machine. */
const FAST = { heartbeatMs: 500 };
/** A backoff that only an event ends. */
const NEVER = { minMs: 1e9, maxMs: 1e9 };

/** Node's global object has no events, so the test adds the methods of a page. */
function page(visibilityState = "visible"): {
  emit(type: string): void;
  document: { visibilityState: string };
} {
  const events = new EventTarget();
  const document = { visibilityState };
  const parts = {
    document,
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
  };
  Object.assign(globalThis, parts);
  onTestFinished(() => {
    for (const name of Object.keys(parts)) Reflect.deleteProperty(globalThis, name);
  });
  return { emit: (type) => void events.dispatchEvent(new Event(type)), document };
}

/** The test sets the clock, so that nobody waits for the timeout of a probe. */
function fakeTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
}

/** A connection that is dead without a close frame: it reads, and answers nothing. */
async function deadConnection(server: FakeServer): Promise<FakeConnection> {
  const connection = await server.login(FAST);
  connection.answersPings = false;
  return connection;
}

const WAKING = ["online", "visibilitychange", "pageshow", "resume"];

test.each(WAKING)(
  "`%s` leads to a probe at once, and a dead connection to an attempt at once",
  async (event) => {
    fakeTimers();
    const { emit } = page();
    await using server = await FakeServer.listen();
    await using alice = new Observed(server.url, { reconnect: NEVER });
    const dead = await server.login();
    await alice.client.ready;
    dead.answersPings = false;
    emit(event);
    expect(await dead.next()).toEqual({ type: "ping" });
    // The heartbeat of this connection is 30 s, so only the timeout of the probe ends it.
    await vi.advanceTimersByTimeAsync(5_001);
    vi.useRealTimers();
    await server.login();
    await alice.status("open", 2);
    expect(alice.all("closed")).toMatchObject([{ code: 1006, delayMs: 0, reason: "no pong within 5000 ms" }]);
  },
);

test.each(WAKING)("`%s` does not end a connection that answers", async (event) => {
  const { emit } = page();
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login(FAST);
  connection.answersPings = false;
  await alice.client.ready;
  for (let round = 0; round < 3; round++) {
    emit(event);
    expect(await connection.next()).toEqual({ type: "ping" });
    connection.send({ type: "pong" });
    const asked = alice.client.request("ask");
    connection.reply(await connection.next(), round);
    expect(await asked).toBe(round);
  }
  expect(alice.all("closed")).toEqual([]);
});

test.each(WAKING)("`%s` ends a backoff", async (event) => {
  const { emit } = page();
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { reconnect: NEVER });
  (await server.login()).cut();
  await alice.status("closed");
  emit(event);
  await server.login();
  await alice.status("open", 2);
});

test("a page that is hidden starts neither a probe nor an attempt, but the network does", async () => {
  const { emit } = page("hidden");
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { reconnect: NEVER });
  (await server.login()).cut();
  await alice.status("closed");
  emit("visibilitychange");
  expect(alice.client.state).toBe("waiting");
  emit("online");
  await server.login();
  await alice.status("open", 2);
});

test("an attempt that began before the page woke gets 5 s more, and then another one starts at once", async () => {
  fakeTimers();
  const { emit } = page();
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { connectTimeoutMs: 60_000, reconnect: NEVER });
  await server.accept();
  emit("resume");
  emit("pageshow");
  await vi.advanceTimersByTimeAsync(5_001);
  expect(alice.all("closed")).toMatchObject([{ reason: "no welcome within 5000 ms", delayMs: 0 }]);
  vi.useRealTimers();
  await server.login();
  await alice.client.ready;
});

test("a written stored message is held until the connection is proven dead, and sent again under its key", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { timeoutMs: 20, reconnect: NEVER });
  const dead = await deadConnection(server);
  await alice.client.ready;
  const sent = alice.client.send({ type: "chat", to: "bob", data: "Hello" });
  const frame = await dead.next();
  expect(await dead.next()).toEqual({ type: "ping" });
  const connection = await server.login();
  const again = await connection.next();
  expect(again).toEqual(frame);
  connection.reply(again, RECEIPT);
  expect(await sent).toEqual(RECEIPT);
});

test("a stored message that a live server does not answer rejects with `timeout`", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { timeoutMs: 20 });
  await server.login();
  await alice.client.ready;
  await expect(alice.client.send({ type: "chat", to: "bob" })).rejects.toMatchObject({ code: "timeout" });
  expect(alice.all("closed")).toEqual([]);
});

test.each([
  ["a request", (alice: Observed) => alice.client.request("ask")],
  ["a join", (alice: Observed) => alice.client.join("g")],
  ["an ephemeral message", (alice: Observed) => alice.client.send({ type: "typing", ephemeral: true })],
  ["an acknowledged message", (alice: Observed) => alice.client.send({ type: "chat", to: "bob", ack: true })],
])("%s without an answer leads to a probe", async (_name, call) => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { timeoutMs: 20, reconnect: NEVER });
  const dead = await deadConnection(server);
  await alice.client.ready;
  call(alice);
  const frames = [await dead.next(), await dead.next()];
  expect(frames).toContainEqual({ type: "ping" });
  await server.login();
  await alice.status("open", 2);
});

test("an ordinary message is sent without a probe", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  await alice.client.ready;
  connection.answersPings = false;
  for (let n = 0; n < 3; n++) {
    const sent = alice.client.send({ type: "chat", to: "bob", data: n });
    const frame = await connection.next();
    expect(frame).toMatchObject({ type: "chat", data: n });
    connection.reply(frame, RECEIPT);
    await sent;
  }
});

test("frames that arrive delay the verdict: the pong may stand behind them", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const slow = await server.login({ heartbeatMs: 1_000 });
  slow.answersPings = false;
  await alice.client.ready;
  alice.client.connect();
  expect(await slow.next()).toEqual({ type: "ping" });
  for (let n = 0; n < 8; n++) {
    slow.push(undefined, { data: n });
    await alice.until(() => alice.received.length > n);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  slow.send({ type: "pong" });
  const asked = alice.client.request("ask");
  slow.reply(await slow.next(), "alive");
  expect(await asked).toBe("alive");
  expect(alice.all("closed")).toEqual([]);
});

test("a direction that is dead is noticed though frames arrive from the other", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { timeoutMs: 20, reconnect: NEVER });
  const dead = await deadConnection(server);
  await alice.client.ready;
  const talking = setInterval(() => dead.push(), 5);
  onTestFinished(() => clearInterval(talking));
  const sent = alice.client.send({ type: "chat", to: "bob" });
  const connection = await server.login();
  connection.reply(await connection.next(), RECEIPT);
  expect(await sent).toEqual(RECEIPT);
});
