import { expect, onTestFinished, test, vi } from "vitest";
import { type ConnectOptions, connect, type Status } from "../../../src/client/client.ts";
import { eventually } from "../../support/eventually.ts";
import { type FakeConnection, FakeServer } from "../fake-server.ts";
import { Observed, QUICK } from "../harness.ts";

const CHANNEL = "user:alice";
const at = (offset: number) => ({ epoch: "e1", offset });

/** A client without listeners, its statuses, and its connection at offset 0. */
async function quietClient(server: FakeServer, options: ConnectOptions = {}) {
  const client = connect(server.url, { user: "alice", reconnect: QUICK, ...options });
  onTestFinished(() => client.close());
  const statuses: Status[] = [];
  client.onStatus((status) => statuses.push(status));
  const connection = await server.login();
  connection.position(CHANNEL, at(0));
  return { client, statuses, connection };
}

/** Resolves when all earlier frames of the server have been handled. */
async function settled(client: { request(action: string): Promise<unknown> }, connection: FakeConnection) {
  const asked = client.request("sync");
  let frame = await connection.next();
  if (frame.action === "presence.watch") frame = await connection.next();
  expect(frame).toMatchObject({ action: "sync" });
  connection.reply(frame, null);
  await asked;
}

const acked = async (connection: FakeConnection): Promise<number> => {
  const frame = await connection.next();
  expect(frame).toMatchObject({ action: "message.ack" });
  connection.reply(frame, {});
  return frame.data.offset;
};

test.each(["chat", "*"])(
  "a stored message waits for its first listener, of %s, and is acknowledged then",
  async (type) => {
    await using server = await FakeServer.listen();
    const { client, connection } = await quietClient(server);
    connection.push(1);
    connection.push(2);
    await settled(client, connection);
    expect(client.positions).toEqual({ [CHANNEL]: at(0) });
    const heard: unknown[] = [];
    const off = client.on(type, ({ data }) => {
      heard.push(data);
      if (data === 2) off(); // it is there: no listener is called while it is added
    });
    expect(await acked(connection)).toBe(1);
    expect(await acked(connection)).toBe(2);
    expect(heard).toEqual([1, 2]);
    expect(client.positions).toEqual({ [CHANNEL]: { ...at(2), id: "m2" } });
  },
);

test("a kept message holds back the acknowledgement of later ones, but not their delivery", async () => {
  await using server = await FakeServer.listen();
  const { client, connection } = await quietClient(server);
  const heard: unknown[] = [];
  client.on("typed", ({ data }) => heard.push(data));
  connection.push(1);
  connection.push(2, { type: "typed" });
  connection.push(1, { type: "typed", to: undefined, group: "g" });
  expect(await acked(connection)).toBe(1); // of the group
  await settled(client, connection);
  expect(heard).toEqual([2, 1]);
  client.on("chat", () => {});
  expect(await acked(connection)).toBe(2);
});

test("kept messages come before new ones to a listener that another listener adds", async () => {
  await using server = await FakeServer.listen();
  const { client, connection } = await quietClient(server);
  const heard: unknown[] = [];
  client.on("start", () => void client.on("chat", ({ data }) => heard.push(data)));
  connection.push(1);
  connection.push(4);
  connection.push(3, { type: "start" });
  await connection.next(); // a resume
  connection.push(2);
  await eventually("all are heard", () => heard.length === 3);
  expect(heard).toEqual([1, 2, 4]);
});

test("the oldest of more than 1,000 kept messages is acknowledged, and told", async () => {
  await using server = await FakeServer.listen();
  const { client, statuses, connection } = await quietClient(server);
  for (let offset = 1; offset <= 1_001; offset++) connection.push(offset);
  expect(await acked(connection)).toBe(1);
  const heard: unknown[] = [];
  client.on("chat", ({ data }) => heard.push(data));
  expect(await acked(connection)).toBe(1_001);
  expect(heard).toHaveLength(1_000);
  const told = statuses.filter((status) => status.type === "unhandled");
  expect(told).toMatchObject([{ message: { type: "chat", offset: 1 } }]);
});

test("a message that no listener came for within 60 s is acknowledged, and told", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  await using server = await FakeServer.listen();
  const { client, statuses, connection } = await quietClient(server);
  connection.push(1);
  await settled(client, connection);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(statuses.some(({ type }) => type === "unhandled")).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(statuses).toContainEqual(expect.objectContaining({ type: "unhandled" }));
  expect(await acked(connection)).toBe(1);
});

test("messages are acknowledged when async listeners have ended, in the order of the channel", async () => {
  await using server = await FakeServer.listen();
  const { client, connection } = await quietClient(server);
  const saves = new Map<unknown, () => void>();
  client.on("chat", ({ data }) => new Promise<void>((resolve) => saves.set(data, resolve)));
  for (const offset of [1, 2, 3]) connection.push(offset);
  await settled(client, connection);
  expect(client.positions).toEqual({ [CHANNEL]: at(0) });
  saves.get(2)?.();
  await settled(client, connection);
  saves.get(1)?.();
  expect(await acked(connection)).toBe(2);
  saves.get(3)?.();
  expect(await acked(connection)).toBe(3);
});

test("a listener whose promise rejects is called three times, told, and then the message is acknowledged", async () => {
  await using server = await FakeServer.listen();
  const { client, statuses, connection } = await quietClient(server);
  const tries: unknown[] = [];
  client.on("chat", async ({ data }) => {
    tries.push(data);
    throw new Error("the database is down");
  });
  connection.push(1);
  connection.push(undefined, { data: "ephemeral" });
  expect(await acked(connection)).toBe(1);
  expect(tries).toEqual([1, "ephemeral", 1, 1]);
  expect(statuses.filter(({ type }) => type === "error")).toHaveLength(2);
});

test("a listener that succeeds the second time has handled the message", async () => {
  await using server = await FakeServer.listen();
  const { client, statuses, connection } = await quietClient(server);
  let tries = 0;
  client.on("chat", async () => {
    if (++tries === 1) throw new Error("busy");
  });
  connection.push(1);
  expect(await acked(connection)).toBe(1);
  expect(tries).toBe(2);
  expect(statuses.filter(({ type }) => type === "error")).toEqual([]);
});

test("a listener that hangs holds a message no longer than `listenerTimeoutMs`", async () => {
  await using server = await FakeServer.listen();
  const { client, statuses, connection } = await quietClient(server, { listenerTimeoutMs: 10 });
  client.on("chat", () => new Promise(() => {}));
  connection.push(1);
  expect(await acked(connection)).toBe(1);
  expect(statuses).toContainEqual({
    type: "error",
    stage: "listener",
    error: expect.objectContaining({ code: "timeout" }),
  });
});

/** Session storage of one tab. */
function storage() {
  const items = new Map<string, string>();
  return {
    items,
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
  };
}

test("positions survive a reload: what was not handled comes again, and groups are not joined by themselves", async () => {
  await using server = await FakeServer.listen();
  const tab = storage();
  const { client, connection } = await quietClient(server, { storage: tab });
  client.on("chat", () => {});
  connection.position("group:g", at(5));
  connection.position("all", at(7));
  connection.push(1);
  connection.push(2, { type: "nobody listens" });
  expect(await acked(connection)).toBe(1);
  await client.close();

  await using reloaded = new Observed(server.url, { storage: tab });
  const next = await server.accept();
  const login = await next.next();
  expect(login.data.resume).toEqual({ [CHANNEL]: at(1), all: at(7) });
  next.welcome();
  next.reply(login, {});
  void reloaded.client.join("g");
  expect((await next.next()).data).toEqual({ group: "g", position: at(5) });
});

test("a durable group continues from the saved position, not from the cursor that another tab moved", async () => {
  await using server = await FakeServer.listen();
  const tab = storage();
  const { client, connection } = await quietClient(server, { storage: tab });
  connection.position("group:g", at(5));
  await settled(client, connection);
  await client.close();

  await using reloaded = new Observed(server.url, { storage: tab, autoAck: false });
  const next = await server.login();
  next.position("group:g", at(7));
  const resume = await next.next();
  expect(resume).toMatchObject({ action: "message.resume", data: { channel: "group:g", ...at(5) } });
  for (const offset of [6, 7]) next.push(offset, { to: undefined, group: "g" });
  await reloaded.until(() => reloaded.received.length === 2);
  expect(reloaded.received).toEqual([6, 7]);
});

test("the positions of another user, of another URL, and unreadable ones are of no use", async () => {
  await using server = await FakeServer.listen();
  const tab = storage();
  const { client, connection } = await quietClient(server, {
    storage: tab,
    user: undefined,
    token: "alice's",
  });
  await settled(client, connection);
  await client.close();
  expect([...tab.items].join()).not.toContain("alice's");

  await using bob = new Observed(server.url, { storage: tab, user: undefined, token: "bob's" });
  const next = await server.login({ user: "bob" });
  await bob.client.ready;
  expect(bob.client.positions).toEqual({});
  next.position("user:bob", at(1));
  await bob.client.close();

  for (const key of tab.items.keys()) tab.items.set(key, "{");
  await using carol = new Observed(server.url, { storage: tab, user: undefined, token: "carol's" });
  await server.login({ user: "carol" });
  await carol.client.ready;
});

test("a listener that removes and adds itself hears the next message", async () => {
  await using server = await FakeServer.listen();
  const { client, connection } = await quietClient(server);
  const heard: unknown[] = [];
  let off = (): void => {};
  const listener = ({ data }: { data: unknown }): void => {
    heard.push(data);
    off();
    off = client.on("chat", listener);
  };
  off = client.on("chat", listener);
  connection.push(1);
  connection.push(2);
  await eventually("both are heard", () => heard.length === 2);
  expect(heard).toEqual([1, 2]);
});

/** Everything that somebody can subscribe to, with a way to cause an event. */
const SUBSCRIPTIONS: [
  string,
  (client: Observed["client"]) => Subscribe,
  (connection: FakeConnection) => void,
][] = [
  ["messages", (client) => (listener) => client.on("chat", listener), (connection) => connection.push()],
  ["all messages", (client) => (listener) => client.on("*", listener), (connection) => connection.push()],
  [
    "statuses",
    (client) => (listener) => client.onStatus(({ type }) => type === "notice" && listener()),
    (connection) => connection.send({ event: "notice", code: "c", message: "m" }),
  ],
  [
    "presence",
    (client) => {
      void client.watchPresence({ all: true });
      return (listener) => client.onPresence(listener);
    },
    (connection) => connection.send({ event: "presence", user: "bob", online: true }),
  ],
];
type Subscribe = (listener: () => void) => () => void;

test.each(SUBSCRIPTIONS)("each subscription to %s is its own thing", async (_what, subscribe, cause) => {
  await using server = await FakeServer.listen();
  const { client, connection } = await quietClient(server);
  await client.ready;
  const on = subscribe(client);
  let calls = 0;
  const listener = (): void => void calls++;
  const [undo] = [on(listener), on(listener)];
  cause(connection);
  await settled(client, connection);
  expect(calls).toBe(2);
  undo();
  undo();
  cause(connection);
  await settled(client, connection);
  expect(calls).toBe(3);
});
