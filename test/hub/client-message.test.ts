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
