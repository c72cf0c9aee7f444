import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { startHubProcess } from "../support/hub-process/hub-process.ts";
import { connectPeer, isMessage } from "../support/peer.ts";
import { connectRaw, RawPeer } from "../support/raw.ts";
import { UNLIMITED } from "../support/unlimited.ts";
import { clientFrame, OPCODE, textFrame } from "../support/wire.ts";

const MIB = 1_048_576;
const mallory = { user_id: "mallory" };
const bob = { user_id: "bob" };

/** A client that reads nothing stays connected, however long the test takes on a busy machine. */
const PATIENT = { websocket: { writeTimeoutMs: 300_000 } };

const times = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));
const range = (from: number, to: number): number[] => times(to - from + 1, (n) => from + n);

describe("requests without end", () => {
  it("whose replies are not read use bounded memory, and are all answered when they are read", async () => {
    const hub = await startHubProcess(PATIENT);
    const before = await hub.memory();
    const peer = await connectRaw(hub.url(mallory));
    peer.socket.pause();
    const data = "x".repeat(1_000);
    peer.write(...times(10_000, (id) => textFrame({ id, action: "robot.ping", data })));
    const other = await connectPeer(hub.url(bob));
    for (let n = 0; n < 20; n++) await other.caughtUp();
    expect((await hub.memory()) - before).toBeLessThan(10 * MIB);
    peer.socket.resume();
    const replies = () => peer.frames.filter(({ id }) => id !== undefined);
    await peer.until(() => peer.frames.length >= 10_003);
    expect(new Set(replies().map(({ id }) => id)).size).toBe(10_000);
  });

  it("for pings are answered with one pong each", async () => {
    const hub = await startHubProcess({ ...UNLIMITED, ...PATIENT });
    const peer = await connectRaw(hub.url(mallory));
    const before = await hub.memory();
    peer.socket.pause();
    peer.write(Buffer.concat(times(200_000, () => textFrame('{"type":"ping"}'))));
    const other = await connectPeer(hub.url(bob));
    for (let n = 0; n < 20; n++) await other.caughtUp();
    expect((await hub.memory()) - before).toBeLessThan(10 * MIB);
    peer.socket.resume();
    await peer.until(() => peer.frames.length >= 200_003);
    expect(peer.frames.filter(({ type }) => type === "pong")).toHaveLength(200_000);
  });

  it("for junk are answered with one error each", async () => {
    const { url } = await startHub();
    const peer = await connectRaw(url(mallory));
    peer.write(...times(20_000, () => textFrame("1")));
    await peer.until(() => peer.frames.filter(({ error }) => error).length === 20_000);
  });

  it("in WebSocket pings use bounded memory, or close the connection", async () => {
    const hub = await startHubProcess();
    const before = await hub.memory();
    const peer = await connectRaw(hub.url(mallory));
    peer.socket.pause();
    const ping = clientFrame({ opcode: OPCODE.ping, payload: Buffer.alloc(125) });
    const pings = Buffer.concat(times(1_000, () => ping));
    for (let n = 0; n < 100; n++) peer.write(pings);
    const other = await connectPeer(hub.url(bob));
    for (let n = 0; n < 20; n++) await other.caughtUp();
    expect((await hub.memory()) - before).toBeLessThan(10 * MIB);
  });

  it("for pages of history use bounded memory, however long the messages are", async () => {
    const hub = await startHubProcess(PATIENT);
    await hub.publish({ user: "mallory", data: "x".repeat(400_000), count: 200 });
    const other = await connectPeer(hub.url(bob));
    const peer = await connectRaw(hub.url({ ...mallory, resume: await positionOf(hub.url(mallory)) }));
    const before = await hub.memory();
    peer.socket.pause();
    peer.write(...times(500, (id) => textFrame({ id, action: "message.history", data: { limit: 200 } })));
    for (let n = 0; n < 20; n++) await other.caughtUp();
    expect((await hub.memory()) - before).toBeLessThan(100 * MIB);
    peer.socket.resume();
    await peer.until(() => peer.frames.some(({ id }) => id === 0));
    const { data } = peer.frames.find(({ id }) => id === 0) ?? {};
    expect(data).toMatchObject({
      more: true,
      messages: expect.arrayContaining([expect.objectContaining({ offset: 200 })]),
    });
  });
});

/** Position of a user's own channel, as `resume` takes it. */
async function positionOf(url: string): Promise<string> {
  const peer = await connectRaw(url);
  await peer.until(() => peer.frames.some(({ id }) => id === 0) || peer.frames.length > 1);
  const { epoch } = peer.frames.find(({ event }) => event === "position") ?? {};
  peer.socket.destroy();
  return JSON.stringify({ "user:mallory": { epoch, offset: 200 } });
}

describe("a replay", () => {
  it("that is not read uses bounded memory, however long the messages are", async () => {
    const hub = await startHubProcess({ ...PATIENT, history: { channelBytes: 64 * MIB } });
    await hub.publish({ user: "mallory", data: "x".repeat(400_000), count: 60 });
    const before = await hub.memory();
    const peers = await Promise.all(times(10, () => connectRaw(hub.url(mallory))));
    for (const { socket } of peers) socket.pause();
    const other = await connectPeer(hub.url(bob));
    for (let n = 0; n < 20; n++) await other.caughtUp();
    expect((await hub.memory()) - before).toBeLessThan(10 * 10 * MIB);
    const [peer, ...others] = peers;
    for (const { socket } of others) socket.destroy();
    peer?.socket.resume();
    // A user's large pages are paced, so the rest would take long.
    await peer?.until(() => peer.frames.filter(isMessage).length >= 16);
    const offsets = peer?.frames.filter(isMessage).map(({ offset }) => offset) ?? [];
    expect(offsets).toEqual(range(1, offsets.length));
  });
});

describe("messages without end", () => {
  it("are all published in order behind a slow hook, without delay for other clients", async () => {
    const { hub, url } = await startHub({ websocket: { messageQueueSize: 200 } });
    hub.on("message", ({ connection }) => (connection.user === "mallory" ? sleep(1) : undefined));
    const receiver = await connectPeer(url(bob));
    const peer = await connectRaw(url(mallory));
    peer.write(...times(2_000, (data) => textFrame({ type: "n", to: "bob", data })));
    const other = await connectPeer(url({ user_id: "other" }));
    for (let id = 0; id < 50; id++) {
      other.send({ id, type: "m", to: "other" });
      await other.next((frame) => frame.id === id);
    }
    expect(receiver.messages.length).toBeLessThan(2_000);
    const got = await receiver.take(2_000, isMessage);
    expect(got.map(({ data }) => data)).toEqual(range(0, 1_999));
  });

  it("behind a hook that hangs keep no other client from sending or receiving", async () => {
    const { hub, url } = await startHub({ timeouts: { hookMs: 60_000 } });
    hub.on("message", ({ connection }) =>
      connection.user === "mallory" ? new Promise(() => undefined) : undefined,
    );
    const peer = await connectRaw(url(mallory));
    const other = await connectPeer(url(bob));
    peer.write(...times(3_000, () => textFrame({ type: "n" })));
    await sleep(50);
    for (let id = 0; id < 50; id++) {
      other.send({ id, type: "m", to: "bob" });
      await other.next((frame) => frame.id === id);
    }
    // None has timed out yet: that takes a minute each.
    expect(peer.frames.filter(({ error }) => error)).toEqual([]);
  });

  it("do not let their sender time out while the server does not read", async () => {
    const { hub, url } = await startHub({
      websocket: { heartbeatInterval: 0.1, connectionTimeout: 0.4 },
    });
    hub.on("message", () => sleep(5));
    const ends: unknown[] = [];
    hub.on("disconnect", (end) => ends.push(end));
    const sender = await connectPeer(url(mallory));
    for (let n = 0; n < 400; n++) sender.send({ id: n, type: "n", to: "bob", data: "x".repeat(500) });
    await sender.next(({ id }) => id === 399);
    expect(ends).toEqual([]);
  });

  it("that wait for an acknowledgement are bounded: one more is answered with rate_limited", async () => {
    const { url } = await startHub();
    const peer = await connectRaw(url(mallory));
    const message = { type: "n", to: "bob", ack: true, timeoutMs: 60_000 };
    peer.write(...times(20_000, (id) => textFrame({ id, ...message })));
    await peer.until(() => peer.frames.some(({ id }) => id === 19_999));
    const refused = peer.frames.filter(({ error }) => error);
    expect(refused.length).toBeGreaterThan(15_000);
    for (const { error } of refused) expect(error).toMatchObject({ code: "rate_limited" });
    // After an acknowledgement there is room for another message.
    const receiver = await connectPeer(url(bob));
    await receiver.caughtUp();
    const stored = 20_000 - refused.length;
    await receiver.request("message.ack", { offset: stored });
    await peer.until(() => peer.frames.filter(({ data }) => data).length === stored);
    peer.send({ id: 20_000, ...message, timeoutMs: 0 });
    await peer.until(() => peer.frames.some(({ id, data }) => id === 20_000 && data));
  });
});

describe("logins", () => {
  it("over and over on an open connection change nothing", async () => {
    const { hub, url } = await startHub(UNLIMITED);
    const peer = await connectRaw(url(mallory));
    peer.write(
      ...times(5_000, (id) => textFrame({ id, action: "robot.login", data: { user_id: "mallory" } })),
    );
    await peer.until(() => peer.frames.filter(({ id }) => id !== undefined).length === 5_000);
    expect(peer.frames.filter(({ error }) => error)).toEqual([]);
    expect(await hub.presence.count()).toEqual({ users: 1, connections: 1 });
  });

  it("with a thousand positions are answered, each channel with its own", async () => {
    // Its 40 KB exceed the budget before the login.
    const { hub, url } = await startHub({ websocket: { maxLoginBytes: 524_288 } });
    const resume = Object.fromEntries(times(1_000, (n) => [`group:g${n}`, { epoch: "e", offset: n }]));
    const peer = new RawPeer(url());
    peer.send({ id: 1, action: "robot.login", data: { ...mallory, resume } });
    const other = await connectPeer(url(bob));
    await other.caughtUp();
    await peer.until(() => peer.frames.some(({ id }) => id === 1));
    const channels = peer.frames.filter(({ event }) => event === "position").map(({ channel }) => channel);
    expect(new Set(channels).size).toBe(1_002);
    peer.socket.destroy();
    await peer.closed;
    await eventually(
      "mallory has left the groups",
      async () => (await hub.presence.inGroup("g999")).length === 0,
    );
  });
});

describe("groups", () => {
  it("joined and left in a loop are in the state of the last request", async () => {
    const { hub, url } = await startHub();
    const peer = await connectRaw(url(mallory));
    const join = textFrame({ id: 1, action: "group.join", data: { group: "g" } });
    const leave = textFrame({ id: 2, action: "group.leave", data: { group: "g" } });
    const answers = (count: number): Promise<void> =>
      peer.until(() => peer.frames.filter(({ id }) => id !== undefined).length === count);
    for (let round = 1; round <= 10; round++) {
      peer.write(join, leave);
      await answers(2 * round);
      expect((await hub.group("g").members()).members).toEqual([]);
    }
    peer.write(...times(5_000, (n) => (n % 2 === 0 ? join : leave)));
    await answers(5_020);
    expect(peer.frames.filter(({ error }) => error)).toEqual([]);
    expect((await hub.group("g").members()).members).toEqual([]);
    await hub.group("g").send({ type: "n" });
    peer.write(join);
    await answers(5_021);
    await hub.group("g").send({ type: "n" });
    await peer.until(() => peer.frames.some(isMessage));
    expect(peer.frames.filter(isMessage)).toMatchObject([{ offset: 2 }]);
  });

  it("joined without end by one connection are bounded", async () => {
    const { url } = await startHub();
    const peer = await connectRaw(url(mallory));
    const count = 20_000;
    peer.write(...times(count, (id) => textFrame({ id, action: "group.join", data: { group: `g${id}` } })));
    await peer.until(() => peer.frames.filter(({ id }) => id !== undefined).length === count);
    const refused = peer.frames.filter(({ error }) => error);
    expect(refused.length).toBeGreaterThan(0);
    for (const { error } of refused) expect(error).toMatchObject({ code: "too_large" });
  });

  it("watched users without end by one connection are bounded", async () => {
    const { url } = await startHub();
    const peer = await connectPeer(url(mallory));
    const watch = (page: number) =>
      peer.request("presence.watch", { users: times(1_000, (n) => `u${page}-${n}`) });
    const replies = await Promise.all(times(50, watch));
    expect(replies.filter(({ data }) => data).length).toBeGreaterThan(0);
    for (const { error } of replies.filter(({ data }) => !data))
      expect(error).toMatchObject({ code: "too_large" });
    expect(replies.at(-1)).toHaveProperty("error");
  });
});
