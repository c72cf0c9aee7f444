import { afterEach, expect, test, vi } from "vitest";
import { connect } from "../../src/client/client.ts";
import { type FakeConnection, FakeServer } from "./fake-server.ts";
import { Observed, QUICK } from "./harness.ts";

afterEach(() => void vi.restoreAllMocks());

const at = (offset: number) => ({ epoch: "e1", offset });

test("a listener gets its type, and `*` gets all types", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const chats: unknown[] = [];
  alice.client.on("chat", (message) => chats.push(message));
  const connection = await server.login();
  connection.push(undefined, { type: "typing", data: "typing" });
  connection.push(1);
  await alice.until(() => alice.received.length === 2);
  expect(alice.received).toEqual(["typing", 1]);
  expect(chats).toEqual([
    { type: "chat", data: 1, timestamp: 1, from: "bob", to: "alice", id: "m1", offset: 1 },
  ]);
});

test("a removed listener gets no more messages", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const chats: unknown[] = [];
  const unsubscribe = alice.client.on("chat", ({ data }) => {
    chats.push(data);
    unsubscribe();
  });
  const connection = await server.login();
  connection.push(1);
  connection.push(2);
  await alice.until(() => alice.received.length === 2);
  expect(chats).toEqual([1]);
});

test("reports listeners that throw or reject, and calls the others", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const [thrown, rejected] = [new Error("thrown"), new Error("rejected")];
  alice.client.on("chat", () => {
    throw thrown;
  });
  alice.client.on("chat", async () => {
    throw rejected;
  });
  const heard: unknown[] = [];
  alice.client.on("chat", ({ data }) => heard.push(data));
  (await server.login()).push(1);
  await alice.status("error", 2);
  expect(heard).toEqual([1]);
  expect(alice.all("error")).toEqual([
    { type: "error", stage: "listener", error: thrown },
    { type: "error", stage: "listener", error: rejected },
  ]);
});

test("an error without a status listener goes to the console", async () => {
  const printed = new Promise<unknown[]>((resolve) => {
    vi.spyOn(console, "error").mockImplementation((...words) => resolve(words));
  });
  await using server = await FakeServer.listen();
  const client = connect(server.url, { user: "alice", reconnect: QUICK });
  client.on("chat", () => {
    throw new Error("thrown");
  });
  (await server.login()).push(1);
  expect(await printed).toEqual(["tidings: listener error", new Error("thrown")]);
  await client.close();
});

test("a listener that closes the client gets no more messages", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  alice.client.on("chat", () => void alice.client.close());
  const connection = await server.login();
  connection.push(1);
  connection.push(2);
  await connection.ended;
  expect(alice.received).toEqual([1]);
});

const nextAck = async (connection: FakeConnection): Promise<{ channel: string; offset: number }> => {
  const frame = await connection.next();
  expect(frame.action).toBe("message.ack");
  return frame.data;
};

test("acknowledges the first message at once, then the last of each interval", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  connection.position("user:alice", at(0));
  connection.push(1);
  expect(await nextAck(connection)).toEqual({ channel: "user:alice", ...at(1) });
  for (let offset = 2; offset <= 100; offset++) connection.push(offset);
  const acks = [];
  while (acks.at(-1) !== 100) acks.push((await nextAck(connection)).offset);
  expect(acks.length).toBeLessThan(50);
  expect(alice.all("error")).toEqual([]);
});

test("repeats an acknowledgement after a retryable error", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  connection.position("user:alice", at(0));
  connection.push(1);
  connection.refuse(await connection.next(), "unavailable");
  expect(await nextAck(connection)).toEqual({ channel: "user:alice", ...at(1) });
  expect(alice.all("error")).toEqual([]);
});

test("sends pending acknowledgements on the next connection, and before it closes", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  first.position("user:alice", at(0));
  first.push(1);
  await nextAck(first);
  first.push(2);
  await alice.until(() => alice.received.length === 2);
  first.cut();
  const second = await server.login();
  expect(await nextAck(second)).toEqual({ channel: "user:alice", ...at(2) });
  second.push(3);
  await alice.until(() => alice.received.length === 3);
  await alice.client.close();
  expect(await nextAck(second)).toEqual({ channel: "user:alice", ...at(3) });
});

test("acknowledges neither ephemeral messages nor broadcasts", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  connection.position("all", at(0));
  connection.push(1, { to: undefined });
  connection.push(undefined, { data: "ephemeral" });
  connection.push(1, { to: undefined, group: "g1" });
  await alice.until(() => alice.received.length === 3);
  expect(await nextAck(connection)).toEqual({ channel: "group:g1", offset: 1 });
});

test("without autoAck only the application acknowledges, and a lower offset changes nothing", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { autoAck: false });
  const connection = await server.login();
  connection.position("user:alice", at(0));
  for (const offset of [1, 2, 3]) connection.push(offset);
  await alice.until(() => alice.received.length === 3);
  for (const offset of [1, 3, 2]) alice.client.ack({ to: "alice", offset });
  alice.client.ack({ to: "alice" });
  expect(await nextAck(connection)).toEqual({ channel: "user:alice", ...at(1) });
  expect(await nextAck(connection)).toEqual({ channel: "user:alice", ...at(3) });
});

test("reports an acknowledgement that the server refuses for good", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { autoAck: false });
  const connection = await server.login();
  await alice.client.ready;
  alice.client.ack({ to: "bob", offset: 1 });
  connection.refuse(await connection.next(), "forbidden");
  expect(await alice.status("error")).toMatchObject({ stage: "server", error: { code: "forbidden" } });
});

test("watches presence again after a reconnect, and reports the changes in between", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  const watching = alice.client.watchPresence({ users: ["bob", "carol", "dave"] });
  const watch = await first.next();
  expect(watch).toMatchObject({ action: "presence.watch", data: { users: ["bob", "carol", "dave"] } });
  first.reply(watch, { online: { bob: ["web"], carol: ["ios"] } });
  expect((await watching).online).toEqual({ bob: ["web"], carol: ["ios"] });
  first.send({ event: "presence", user: "carol", online: false });
  await alice.until(() => alice.presences.length === 1);
  first.cut();
  const second = await server.login();
  second.reply(await second.next(), { online: { dave: ["web"] } });
  await alice.until(() => alice.presences.length === 3);
  expect(alice.presences).toEqual([
    { user: "carol", online: false },
    { user: "bob", online: false },
    { user: "dave", online: true },
  ]);
});

test("a presence frame that comes before the reply to the watch is newer than the reply", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  const online = alice.client.watchPresence({ users: ["bob"] });
  first.reply(await first.next(), { online: { bob: ["web"] } });
  await online;
  first.cut();

  const second = await server.login();
  const watch = await second.next();
  second.send({ event: "presence", user: "bob", online: false });
  second.send({ event: "presence", user: "bob", online: true });
  second.reply(watch, { online: {} });
  second.send({ event: "notice", code: "done", message: "" });
  await alice.status("notice");

  expect(alice.presences.map(({ online }) => online)).toEqual([false, true]);
});

test("the undo of a presence watch ends it for the users whom no other watch names, also after a reconnect", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  const watch = async (users: string[]) => {
    const watching = alice.client.watchPresence({ users });
    first.reply(await first.next(), { online: {} });
    return watching;
  };
  const [one, other] = [await watch(["bob", "carol"]), await watch(["bob"])];

  one.stop();
  one.stop();
  const unwatch = await first.next();
  expect(unwatch).toMatchObject({ action: "presence.unwatch", data: { users: ["carol"] } });
  first.reply(unwatch, {});
  // Frames that were on the way: of the watch that has ended, and of the one that goes on.
  first.send({ event: "presence", user: "carol", online: true });
  first.send({ event: "presence", user: "bob", online: true });
  await alice.until(() => alice.presences.length > 0);
  expect(alice.presences).toEqual([{ user: "bob", online: true }]);

  first.cut();
  const second = await server.login();
  const again = await second.next();
  expect(again).toMatchObject({ action: "presence.watch", data: { users: ["bob"] } });
  second.reply(again, { online: { bob: ["web"] } });
  other.stop();
  expect(await second.next()).toMatchObject({ action: "presence.unwatch", data: { users: ["bob"] } });

  second.cut();
  const third = await server.login();
  void alice.client.request("ask");
  expect(await third.next()).toMatchObject({ action: "ask" });
});

test("requests presence and history", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  const presence = alice.client.presence({ group: "g1" });
  connection.reply(await connection.next(), { online: { bob: ["web"] }, count: 1 });
  expect(await presence).toEqual({ online: { bob: ["web"] }, count: 1 });
  const history = alice.client.history({ channel: "group:g1", before: 9, limit: 1 });
  const asked = await connection.next();
  expect(asked.data).toEqual({ channel: "group:g1", before: 9, limit: 1 });
  const page = { epoch: "e1", messages: [], more: true };
  connection.reply(asked, page);
  expect(await history).toEqual(page);
});
