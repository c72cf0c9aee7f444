import { describe, expect, it } from "vitest";
import { startHub } from "../support/hub.ts";
import { connectPeer, dataOf, isMessage, joined } from "../support/peer.ts";

const alice = { user_id: "alice" };
const bob = { user_id: "bob" };

describe("a client's message", () => {
  it("carries the server's from, timestamp and id, whatever the client says", async () => {
    const { url } = await startHub();
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(alice));
    const before = Date.now();
    sender.send({ type: "chat", to: "bob", data: 1, from: "carol", timestamp: 5, offset: 99, id: 3 });
    const frame = await receiver.next(isMessage);
    expect(frame).toMatchObject({ from: "alice", offset: 1 });
    expect(frame.timestamp).toBeGreaterThanOrEqual(before);
    expect(frame.id).not.toBe(3);
  });

  it("is answered with its receipt when it has an id, and only then", async () => {
    const { url } = await startHub();
    const sender = await connectPeer(url(alice));
    sender.send({ type: "chat", to: "bob", data: 1 });
    sender.send({ id: 9, type: "chat", to: "bob", data: 2 });
    const reply = await sender.next((frame) => frame.id === 9);
    expect(reply.data).toMatchObject({ state: "stored", offset: 2, epoch: expect.any(String) });
    await sender.caughtUp();
    expect(sender.frames.filter(({ error }) => error)).toEqual([]);
  });

  it("may be written as the action message.send, in both forms", async () => {
    const { url } = await startHub();
    const sender = await connectPeer(url(alice));
    expect(await sender.request("message.send", { type: "chat", to: "bob", data: 1 })).toMatchObject({
      data: { offset: 1 },
    });
    sender.send({ Module: "message", Action: "Send", Data: { type: "chat", to: "bob", data: 1 }, Id: "x" });
    expect(await sender.next((frame) => frame.Id === "x")).toMatchObject({
      Module: "message",
      Action: "Send",
      Data: { offset: 2 },
    });
  });

  it("that asks for an acknowledgement needs an id to answer to", async () => {
    const { url } = await startHub();
    const sender = await connectPeer(url(alice));
    sender.send({ type: "chat", to: "bob", ack: true });
    expect(await sender.next(({ error }) => error !== undefined)).toMatchObject({
      error: { code: "bad_request" },
    });
  });

  it.each([0, Number.MAX_SAFE_INTEGER, "a", "7", "x".repeat(128), "µ-id"])(
    "and a request are answered under the id %j",
    async (id) => {
      const { url } = await startHub();
      const peer = await connectPeer(url(alice));
      peer.send({ id, type: "chat", to: "bob" });
      expect(await peer.next((frame) => frame.id === id)).toMatchObject({ data: { state: "stored" } });
      peer.send({ id, action: "robot.ping", data: "request" });
      expect(await peer.next(({ data }) => data === "request")).toEqual({ id, data: "request" });
      peer.send({ id, action: "no.such" });
      expect(await peer.next(({ error }) => error !== undefined)).toMatchObject({ id });
    },
  );

  it("that is a ping with a number beyond those of JSON is refused, and no failure of the server", async () => {
    const { hub, url } = await startHub();
    const errors: unknown[] = [];
    hub.on("error", (event) => errors.push(event));
    const peer = await connectPeer(url(alice));
    peer.send('{"id":1,"action":"robot.ping","data":{"deep":[1e999]}}');
    const { error } = await peer.next(({ id }) => id === 1);
    expect(error).toMatchObject({ code: "bad_request", message: expect.stringContaining("data.deep.0") });
    expect(errors).toEqual([]);
  });

  it.each([-1, 1.5, "", "x".repeat(129), "a\u0000", null, {}, [1]])(
    "with the id %j is refused, and told which ids there are",
    async (id) => {
      const { url } = await startHub();
      const peer = await connectPeer(url(alice));
      const message = expect.stringContaining("id: expected a whole number from 0, or a string of 1–128");
      peer.send({ id, type: "chat", to: "bob" });
      const refused = await peer.next(({ error }) => error !== undefined);
      expect(refused).toEqual({ error: { code: "bad_request", message } });
      peer.send({ id, action: "robot.ping" });
      expect((await peer.take(2, ({ error }) => error !== undefined))[1]).toEqual(refused);
    },
  );

  it.each([
    [{ url: "https://example.com/cat.png" }, { url: "https://example.com/cat.png" }],
    [{ dat: "typo" }, { dat: "typo" }],
    [{}, null],
  ])("without data has the fields %j as its data", async (fields, data) => {
    const { url } = await startHub();
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(alice));
    sender.send({ type: "img", to: "bob", ...fields });
    expect(await receiver.next(isMessage)).toMatchObject({ data });
  });

  it("with data and an unknown field is refused, and told its name", async () => {
    const { url } = await startHub();
    const sender = await connectPeer(url(alice));
    const message = { type: "img", to: "bob", data: 1, url: "https://example.com/cat.png" };
    const error = { code: "bad_request", message: "url: no field of a message, expected it inside data" };
    sender.send({ id: 1, ...message });
    expect(await sender.next(({ id }) => id === 1)).toEqual({ id: 1, error });
    expect(await sender.request("message.send", message)).toMatchObject({ error });
  });

  it("to everyone needs permission by the policy", async () => {
    const { url, hub } = await startHub({ policy: { broadcast: "nobody" } });
    const sender = await connectPeer(url(alice));
    sender.send({ id: 1, type: "chat", data: 1 });
    expect(await sender.next((frame) => frame.id === 1)).toMatchObject({ error: { code: "forbidden" } });
    hub.authorize(() => true);
    sender.send({ id: 2, type: "chat", data: 1 });
    expect(await sender.next((frame) => frame.id === 2)).toMatchObject({ data: { state: "delivered" } });
  });

  it("to a group needs membership", async () => {
    const { url } = await startHub();
    const sender = await connectPeer(url(alice));
    sender.send({ id: 1, type: "chat", group: "g1", data: 1 });
    expect(await sender.next((frame) => frame.id === 1)).toMatchObject({ error: { code: "forbidden" } });
    await joined(sender, "g1");
    sender.send({ id: 50, type: "chat", group: "g1", data: 1 });
    expect(await sender.next((frame) => frame.id === 50)).toMatchObject({ data: { state: "delivered" } });
  });

  it("can be changed by the message hook, or refused", async () => {
    const { hub, url } = await startHub();
    hub.on("message", async ({ message }) => {
      if (message.data === "spam") throw new Error("a bug in the hook");
      return { data: `${message.data}!` };
    });
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(alice));
    sender.send({ id: 1, type: "chat", to: "bob", data: "spam" });
    sender.send({ type: "chat", to: "bob", data: "hello" });
    expect(await sender.next((frame) => frame.id === 1)).toMatchObject({ error: { code: "internal" } });
    expect(await receiver.next(isMessage)).toMatchObject({ data: "hello!" });
  });

  it("keeps its order, however long hooks take", async () => {
    const { hub, url } = await startHub();
    hub.on(
      "message",
      ({ message }) => new Promise((resolve) => setTimeout(resolve, message.data === 0 ? 30 : 0)),
    );
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(alice));
    for (let n = 0; n < 10; n++) sender.send({ type: "n", to: "bob", data: n });
    expect(dataOf(await receiver.take(10, isMessage))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
