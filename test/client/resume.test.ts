import { expect, test } from "vitest";
import { FakeServer } from "./fake-server.ts";
import { Observed } from "./harness.ts";

const CHANNEL = "user:alice";
const at = (offset: number, epoch = "e1") => ({ epoch, offset });

test("a reconnect names the positions, and repeated messages are delivered once", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  first.position(CHANNEL, at(0));
  first.position("all", at(7, "x"));
  first.push(1);
  first.push(2);
  await alice.until(() => alice.received.length === 2);
  first.cut();
  const second = await server.accept();
  expect((await second.next()).data.resume).toEqual({ [CHANNEL]: { ...at(2), id: "m2" }, all: at(7, "x") });
  second.welcome();
  second.position(CHANNEL, at(2));
  for (const offset of [2, 3, 1, 4]) second.push(offset);
  await alice.until(() => alice.received.includes(4));
  expect(alice.received).toEqual([1, 2, 3, 4]);
});

test("recovers from the positions that the application stored", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { positions: { [CHANNEL]: at(2) } });
  const stored: unknown[] = [];
  alice.client.on("chat", () => stored.push(alice.client.positions[CHANNEL]?.offset));
  const connection = await server.login();
  connection.position(CHANNEL, at(2));
  for (const offset of [2, 3, 4]) connection.push(offset);
  await alice.until(() => alice.received.length === 2);
  expect(stored).toEqual([3, 4]);
  expect(alice.client.positions).toEqual({ [CHANNEL]: { ...at(4), id: "m4" } });
});

test("fills a gap, and holds the later messages of the channel until then", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  connection.position(CHANNEL, at(0));
  connection.push(1);
  connection.push(4);
  connection.push(5);
  connection.push(1, { group: "g1", to: undefined, data: "another channel" });
  const resume = await connection.next();
  // The acknowledgement of the first message may come before the resume.
  const asked = resume.action === "message.ack" ? await connection.next() : resume;
  expect(asked).toMatchObject({ action: "message.resume", data: { channel: CHANNEL, ...at(1) } });
  expect(alice.received).toEqual([1, "another channel"]);
  connection.position(CHANNEL, at(1));
  for (const offset of [2, 3, 4, 5]) connection.push(offset);
  connection.reply(asked, { channel: CHANNEL, ...at(1), recovered: true });
  await alice.until(() => alice.received.length === 6);
  expect(alice.received.slice(2)).toEqual([2, 3, 4, 5]);
  expect(alice.all("lost")).toEqual([]);
});

test("repeats a gap fill after a retryable error and after a partial replay", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { autoAck: false });
  const connection = await server.login();
  connection.position(CHANNEL, at(0));
  connection.push(3);
  connection.refuse(await connection.next(), "unavailable");
  const dropped = await connection.next();
  connection.position(CHANNEL, at(0));
  connection.reply(dropped, { channel: CHANNEL, ...at(0), recovered: true });
  const partly = await connection.next();
  connection.push(1);
  connection.reply(partly, { channel: CHANNEL, ...at(0), recovered: true });
  const rest = await connection.next();
  expect(rest.data).toMatchObject(at(1));
  connection.push(2);
  connection.reply(rest, { channel: CHANNEL, ...at(1), recovered: true });
  await alice.until(() => alice.received.length === 3);
  expect(alice.received).toEqual([1, 2, 3]);
});

test("reports a gap that the server refuses to fill, and skips it", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { autoAck: false });
  const connection = await server.login();
  connection.position(CHANNEL, at(0));
  connection.push(3);
  connection.refuse(await connection.next(), "forbidden");
  connection.push(4);
  await alice.until(() => alice.received.length === 2);
  expect(alice.received).toEqual([3, 4]);
  expect(alice.all("lost")).toEqual([{ type: "lost", channel: CHANNEL }]);
});

test("the next login fills the gap of a connection that ended", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { autoAck: false });
  const first = await server.login();
  first.position(CHANNEL, at(0));
  first.push(3);
  await first.next();
  first.cut();
  const second = await server.login();
  second.position(CHANNEL, at(0));
  for (const offset of [1, 2, 3]) second.push(offset);
  second.push(6);
  const resume = await second.next();
  expect(resume).toMatchObject({ action: "message.resume", data: at(3) });
  second.position(CHANNEL, at(3));
  for (const offset of [4, 5, 6]) second.push(offset);
  await alice.until(() => alice.received.length === 6);
  expect(alice.received).toEqual([1, 2, 3, 4, 5, 6]);
});

test("reports messages that the server no longer has as lost", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { positions: { [CHANNEL]: at(2) } });
  const connection = await server.login();
  connection.position(CHANNEL, at(9), false);
  connection.push(10);
  await alice.until(() => alice.received.length === 1);
  expect(alice.all("lost")).toEqual([{ type: "lost", channel: CHANNEL }]);
});

test("reports an epoch that changes while connected, and follows the new offsets", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { positions: { [CHANNEL]: at(2) } });
  const connection = await server.login();
  connection.position(CHANNEL, at(0, "e2"), false);
  connection.push(1);
  await alice.until(() => alice.received.length === 1);
  expect(alice.all("lost")).toEqual([{ type: "lost", channel: CHANNEL }]);
  expect(alice.client.positions).toEqual({ [CHANNEL]: { ...at(1, "e2"), id: "m1" } });
});

test("rejoins groups by their positions in the login, or by a request", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  for (const group of ["g1", "g2"]) {
    const joining = alice.client.join(group);
    const join = await first.next();
    expect(join).toMatchObject({ action: "group.join", data: { group } });
    if (group === "g1") first.position("group:g1", at(5));
    first.reply(join, { channel: `group:${group}`, ...at(5), recovered: true });
    expect(await joining).toEqual({ channel: `group:${group}`, ...at(5), recovered: true });
  }
  first.cut();
  const second = await server.accept();
  const login = await second.next();
  expect(login.data.resume).toEqual({ "group:g1": at(5) });
  second.welcome();
  second.position("group:g1", at(5));
  second.reply(login, {});
  const again = await second.next();
  expect(again).toMatchObject({ action: "group.join", data: { group: "g2" } });
  second.refuse(again, "forbidden");
  expect(await alice.status("error")).toMatchObject({ stage: "server", error: { code: "forbidden" } });
});

test("joining a group again names its position, so that missing messages are not skipped", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { positions: { "group:g1": at(5) } });
  const connection = await server.login();
  void alice.client.join("g1").catch(() => {});
  expect((await connection.next()).data).toEqual({ group: "g1", position: at(5) });
});

test("does not rejoin a group that it left, online or offline", async () => {
  await using server = await FakeServer.listen();
  const positions = { "group:g1": at(1), "group:g2": at(1) };
  await using alice = new Observed(server.url, { positions });
  const first = await server.login();
  first.position("group:g1", at(1));
  first.push(2, { to: undefined, group: "g1" });
  const ack = await first.next();
  expect(ack).toMatchObject({ action: "message.ack", data: { channel: "group:g1", ...at(2) } });
  first.reply(ack, { offset: 2 });
  const leaving = alice.client.leave("g1");
  const leave = await first.next();
  expect(leave).toMatchObject({ action: "group.leave", data: { group: "g1" } });
  first.reply(leave, { channel: "group:g1" });
  await leaving;
  expect(alice.client.positions).toEqual({ "group:g2": at(1) });
  first.cut();
  await alice.status("closed");
  const leavingOffline = alice.client.leave("g2");
  const second = await server.accept();
  const login = await second.next();
  expect(login.data.resume).toEqual({});
  second.welcome();
  second.reply(login, {});
  second.reply(await second.next(), { channel: "group:g2" });
  await leavingOffline;
});
