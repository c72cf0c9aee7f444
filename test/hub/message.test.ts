import { describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/client.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer, dataOf, isMessage, joined } from "../support/peer.ts";

const alice = { user_id: "alice" };
const bob = { user_id: "bob" };

describe("a message", () => {
  it("reaches one user on all devices, and nobody else", async () => {
    const { hub, url } = await startHub();
    const phone = await connectPeer(url({ ...bob, platform: "ios" }));
    const tab = await connectPeer(url(bob));
    const other = await connectPeer(url(alice));
    const receipt = await hub.user("bob").send({ type: "chat", data: "hi" });
    expect(receipt).toMatchObject({ state: "delivered", connections: 2, offset: 1 });
    const expected = {
      type: "chat",
      data: "hi",
      to: "bob",
      id: receipt.id,
      offset: 1,
      timestamp: receipt.timestamp,
    };
    expect(await phone.next(isMessage)).toEqual(expected);
    expect(await tab.next(isMessage)).toEqual(expected);
    await other.caughtUp();
    expect(other.messages).toEqual([]);
  });

  it("reaches the members of a group while they are members", async () => {
    const { hub, url } = await startHub();
    const member = await joined(await connectPeer(url(bob)), "g1");
    const stranger = await connectPeer(url(alice));
    await hub.group("g1").send({ type: "chat", data: 1 });
    await member.request("group.leave", { group: "g1" });
    await hub.group("g1").send({ type: "chat", data: 2 });
    await Promise.all([member.caughtUp(), stranger.caughtUp()]);
    expect(member.messages).toMatchObject([{ data: 1, group: "g1", offset: 1 }]);
    expect(stranger.messages).toEqual([]);
  });

  it("reaches everyone, with neither to nor group", async () => {
    const { hub, url } = await startHub();
    const peers = await Promise.all([connectPeer(url(alice)), connectPeer(url(bob))]);
    await hub.broadcast({ type: "news", data: { n: 1 } });
    for (const peer of peers) {
      const frame = await peer.next(isMessage);
      expect(frame).toMatchObject({ type: "news", data: { n: 1 }, offset: 1 });
      expect(Object.keys(frame)).not.toEqual(expect.arrayContaining(["to"]));
    }
  });

  it.each(["welcome", "position", "notice", "presence"])("may have the type %s", async (type) => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(bob));
    const client = connect(url().replace(/\?.*/, ""), { user: "bob" });
    onTestFinished(() => client.close());
    const heard = new Promise((resolve) => client.on(type, resolve));
    await client.ready;
    await client.send({ type, to: "bob", data: 1 });
    await hub.user("bob").send({ type, data: 2 });
    expect(await peer.take(2, isMessage)).toMatchObject([
      { type, data: 1, offset: 1 },
      { type, data: 2, offset: 2 },
    ]);
    expect(await heard).toMatchObject({ type, data: 1 });
  });

  it("leaves out excepted connections and other platforms", async () => {
    const { hub, url } = await startHub();
    const phone = await connectPeer(url({ ...bob, platform: "ios" }));
    const tab = await connectPeer(url(bob));
    await hub.user("bob").except(String(tab.frames[0]?.connection)).send({ type: "a", data: null });
    await hub.user("bob").platforms("web").send({ type: "b", data: null });
    await hub.users(["bob", "alice"]).platforms("ios").send({ type: "c", data: null, ephemeral: true });
    await Promise.all([phone.caughtUp(), tab.caughtUp()]);
    expect(phone.messages.map(({ type }) => type)).toEqual(["a", "c"]);
    expect(tab.messages.map(({ type }) => type)).toEqual(["b"]);
    // A connection left out of a stored message gets a position past its offset, so it sees no gap.
    expect(tab.frames.at(-2)).toMatchObject({ type: "b", offset: 2 });
    expect(tab.frames.filter(({ event }) => event === "position").at(-1)).toMatchObject({
      offset: 1,
      recovered: true,
    });
  });

  it("to several users is encoded once; receipts come in the order of the users, each under its own key", async () => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(bob));
    let encoded = 0;
    const data = { toJSON: () => ++encoded };
    const users = ["alice", "bob", "carol"];
    const states = async (key: string, ephemeral: boolean) =>
      (await hub.users(users).send({ type: "news", data, ephemeral, key })).map(({ state }) => state);

    expect(await hub.users(users).send({ type: "news", data, ephemeral: true })).toMatchObject([
      { state: "offline" },
      { state: "delivered", connections: 1 },
      { state: "offline" },
    ]);
    expect(await states("k1", false)).toEqual(["stored", "delivered", "stored"]);
    expect(await states("k1", false)).toEqual(["stored", "delivered", "stored"]);
    expect(await states("k2", true)).toEqual(["offline", "delivered", "offline"]);
    await peer.caughtUp();
    expect(peer.messages.map(({ data: received }) => received)).toEqual([1, 2, 4]);
    expect((await hub.history("user:carol")).messages).toMatchObject([{ data: 2, offset: 1 }]);
  });

  it("to several users is refused as a whole, before any of them gets it", async () => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(bob));
    expect(() => hub.users(["bob", "no\nid"])).toThrow("user: expected an id");
    await expect(hub.users(["bob"]).send({ type: "", data: 1 })).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(hub.users(["bob"]).send({ type: "a", data: 1n })).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(hub.users(["bob"]).send({ type: "a", ephemeral: true, ack: true })).rejects.toMatchObject({
      code: "bad_request",
    });
    expect(await hub.users([]).send({ type: "a" })).toEqual([]);
    await peer.caughtUp();
    expect(peer.messages).toEqual([]);
  });

  it("that is ephemeral has no offset and is not kept", async () => {
    const { hub, url } = await startHub();
    expect(await hub.user("bob").send({ type: "typing", ephemeral: true })).toMatchObject({
      state: "offline",
      connections: 0,
    });
    const peer = await connectPeer(url(bob));
    await hub.user("bob").send({ type: "typing", ephemeral: true });
    const frame = await peer.next(isMessage);
    expect(frame).not.toHaveProperty("offset");
    expect((await hub.history("user:bob")).messages).toEqual([]);
  });

  it("for an absent user is stored and comes at the next login", async () => {
    const { hub, url } = await startHub();
    expect(await hub.user("bob").send({ type: "chat", data: "later" })).toMatchObject({
      state: "stored",
      offset: 1,
    });
    const peer = await connectPeer(url(bob));
    expect(await peer.next(isMessage)).toMatchObject({ data: "later", offset: 1 });
  });

  it("keeps the order in which one publisher sent it, for every receiver", async () => {
    const { hub, url } = await startHub();
    const peers = await Promise.all(
      ["a", "b", "c"].map(async (user_id) => joined(await connectPeer(url({ user_id })), "g")),
    );
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    await Promise.all(numbers.map((n) => hub.group("g").send({ type: "n", data: n })));
    for (const peer of peers) expect(dataOf(await peer.take(500, isMessage))).toEqual(numbers);
  });

  it("is one WebSocket message, however many leave in one write", async () => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(bob));
    const texts: string[] = [];
    peer.socket.on("message", (text) => texts.push(String(text)));
    await Promise.all(Array.from({ length: 50 }, (_, n) => hub.user("bob").send({ type: "n", data: n })));
    await peer.take(50, isMessage);
    expect(texts).toHaveLength(50);
  });

  it("passes data through untouched: media by URL, any JSON, any key", async () => {
    const { url } = await startHub();
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(alice));
    const values = [
      { type: "img", from: "someone", url: "https://example.com/a.png" },
      '{"__proto__":{"polluted":true},"constructor":1}',
      [1, null, "\u2028 😀 \u0000", { deep: [[[]]] }],
      0,
      "",
      false,
    ];
    for (const value of values)
      sender.send(
        `{"type":"any","to":"bob","data":${typeof value === "string" && value.startsWith("{") ? value : JSON.stringify(value)}}`,
      );
    const frames = await receiver.take(values.length, isMessage);
    expect(JSON.stringify(frames[1]?.data)).toBe(values[1]);
    expect(dataOf(frames.toSpliced(1, 1))).toEqual(values.toSpliced(1, 1));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("gathers fields beside type when there is no data", async () => {
    const { url } = await startHub();
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(alice));
    sender.send({ type: "img", to: "bob", url: "https://example.com/a.png", width: 3 });
    expect(await receiver.next(isMessage)).toMatchObject({
      type: "img",
      data: { url: "https://example.com/a.png", width: 3 },
    });
  });
});

describe("an idempotency key", () => {
  it("returns the first receipt and sends nothing again", async () => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(bob));
    const message = { type: "chat", data: 1, key: "k" };
    const first = await hub.user("bob").send(message);
    expect(await hub.user("bob").send(message)).toEqual({ ...first, duplicate: true });
    await peer.caughtUp();
    expect(peer.messages).toHaveLength(1);
  });

  it("works for ephemeral messages and for duplicates at the same time", async () => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(bob));
    const send = (ephemeral: boolean) =>
      hub.user("bob").send({ type: "chat", ephemeral, key: `k${ephemeral}` });
    const receipts = await Promise.all([send(true), send(true), send(false), send(false)]);
    expect(receipts.filter(({ duplicate }) => duplicate)).toHaveLength(2);
    await peer.caughtUp();
    expect(peer.messages).toHaveLength(2);
  });

  it("is separate for each user and for the application", async () => {
    const { hub, url } = await startHub();
    const one = await connectPeer(url(alice));
    const other = await connectPeer(url({ user_id: "carol" }));
    for (const peer of [one, other]) {
      peer.send({ id: 1, type: "chat", to: "bob", key: "k" });
      expect(await peer.next((frame) => frame.id === 1)).not.toHaveProperty("data.duplicate");
    }
    expect(await hub.user("bob").send({ type: "chat", key: "alice/k" })).not.toHaveProperty("duplicate");
  });
});

it("an action without a schema is refused when it is registered", async () => {
  const { hub } = await startHub();
  const handler = (() => 1) as never; // JavaScript callers can write this
  expect(() => hub.action("a.b", handler, handler)).toThrow(/expected a Standard Schema/);
});

describe("the application's publish", () => {
  it("refuses a message that it cannot send, with an error that says why", async () => {
    const { hub } = await startHub();
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await expect(hub.user("bob").send({ type: "chat", data: circular })).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(hub.user("bob").send({ type: "pong" })).rejects.toThrow(/protocol's own/);
    await expect(hub.broadcast({ type: "x", ack: true })).rejects.toThrow(/one user/);
    expect(() => hub.user("")).toThrow(/expected an id/);
  });

  it("answers with the outcome of each attempt when it retries", async () => {
    const { hub } = await startHub();
    const receipt = await hub.user("bob").send({ type: "chat" }, { retry: { attempts: 3 } });
    expect(receipt.attempts).toEqual([{ outcome: "sent" }]);
    await hub.close();
    const retry = { attempts: 2, delayMs: 1 };
    const failed = { outcome: "failed", code: "unavailable", retryable: true };
    await expect(hub.user("bob").send({ type: "chat" }, { retry })).rejects.toMatchObject({
      code: "unavailable",
      retryable: true,
      attempts: [failed, failed],
    });
  });

  it("does not retry a failure that is final", async () => {
    const { hub } = await startHub();
    hub.on("error", () => undefined);
    const sent = hub.user("bob").send({ type: "chat", data: 1n }, { retry: { attempts: 5 } });
    await expect(sent).rejects.toMatchObject({ code: "bad_request", retryable: false });
  });

  it("calls the delivered hook", async () => {
    const { hub } = await startHub();
    const seen: unknown[] = [];
    hub.on("delivered", ({ message, receipt }) => seen.push([message.channel, message.body, receipt.state]));
    hub.on("delivered", () => {
      throw new Error("a listener that fails");
    });
    await hub.user("bob").send({ type: "chat", data: { a: 1 } });
    expect(seen).toEqual([["user:bob", '{"a":1}', "stored"]]);
  });
});
