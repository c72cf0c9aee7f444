import { describe, expect, it } from "vitest";
import { z } from "zod";
import { startHub } from "../support/hub.ts";
import { connectPeer, type Frame, isMessage, type Peer } from "../support/peer.ts";

const bob = { user_id: "bob" };
const positionOf = (peer: Peer, channel: string): Frame | undefined =>
  peer.frames.findLast((frame) => frame.event === "position" && frame.channel === channel);
const offsets = (peer: Peer): unknown[] => peer.messages.map(({ offset }) => offset);
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe("resume", () => {
  it("replays exactly what came after the position", async () => {
    const { hub, url } = await startHub();
    const first = await connectPeer(url(bob));
    const { epoch } = await hub.user("bob").send({ type: "n", data: 1 });
    await first.close();
    for (const n of [2, 3]) await hub.user("bob").send({ type: "n", data: n });
    const resume = JSON.stringify({ "user:bob": { epoch, offset: 1 } });
    const again = await connectPeer(url({ ...bob, resume }));
    await again.caughtUp();
    expect(positionOf(again, "user:bob")).toMatchObject({ offset: 1, recovered: true });
    expect(offsets(again)).toEqual([2, 3]);
  });

  it("replays groups and the channel of everyone, if the client names them", async () => {
    const { hub, url } = await startHub();
    const first = await connectPeer(url(bob));
    await first.request("group.join", { group: "g" });
    const { epoch } = await hub.group("g").send({ type: "n" });
    const all = await hub.broadcast({ type: "n" });
    await first.close();
    await hub.group("g").send({ type: "n" });
    await hub.broadcast({ type: "n" });
    const resume = JSON.stringify({ "group:g": { epoch, offset: 1 }, all: { epoch: all.epoch, offset: 1 } });
    const again = await connectPeer(url({ ...bob, resume }));
    await again.caughtUp();
    expect(again.messages).toMatchObject([{ group: "g", offset: 2 }, { offset: 2 }]);
    await hub.group("g").send({ type: "n" });
    expect(await again.next((frame) => frame.offset === 3)).toMatchObject({ group: "g" });
  });

  it("says recovered: false when the history is too short, and replays the rest", async () => {
    const { hub, url } = await startHub({ history: { count: 3 } });
    const { epoch } = await hub.user("bob").send({ type: "n" });
    for (let n = 0; n < 9; n++) await hub.user("bob").send({ type: "n" });
    const peer = await connectPeer(
      url({ ...bob, resume: JSON.stringify({ "user:bob": { epoch, offset: 1 } }) }),
    );
    await peer.caughtUp();
    expect(positionOf(peer, "user:bob")).toMatchObject({ offset: 7, recovered: false });
    expect(offsets(peer)).toEqual([8, 9, 10]);
  });

  it("says recovered: false when another message is at the offset than the client had there", async () => {
    const { hub, url } = await startHub();
    const { epoch, id } = await hub.user("bob").send({ type: "n" });
    await hub.user("bob").send({ type: "n" });
    for (const known of [
      { id, recovered: true },
      { id: "another", recovered: false },
    ]) {
      const position = { epoch, offset: 1, id: known.id };
      const peer = await connectPeer(url({ ...bob, resume: JSON.stringify({ "user:bob": position }) }));
      await peer.caughtUp();
      expect(positionOf(peer, "user:bob")).toMatchObject({
        offset: known.recovered ? 1 : 0,
        recovered: known.recovered,
      });
      expect(offsets(peer)).toEqual(known.recovered ? [2] : [1, 2]);
      await peer.close();
    }
  });

  it("says recovered: false for another epoch, and for an offset that was never assigned", async () => {
    const { hub, url } = await startHub();
    const { epoch } = await hub.user("bob").send({ type: "n" });
    for (const position of [
      { epoch: "another", offset: 1 },
      { epoch, offset: 40 },
    ]) {
      const peer = await connectPeer(url({ ...bob, resume: JSON.stringify({ "user:bob": position }) }));
      await peer.caughtUp();
      expect(positionOf(peer, "user:bob")).toMatchObject({ epoch, recovered: false });
    }
  });

  it("is answered after the replay, however long its client takes to read", async () => {
    const { hub, url } = await startHub({
      timeouts: { handlerMs: 100 },
      websocket: { messageBufferSize: 16 },
    });
    hub.action("test.hang", z.any(), () => new Promise(() => undefined));
    const other = await connectPeer(url({ user_id: "alice" }));
    const { epoch } = await hub.user("bob").send({ type: "n" });
    for (let n = 0; n < 40; n++) await hub.user("bob").send({ type: "n", data: "x".repeat(200_000) });
    const end = { epoch, offset: 41 };
    const peer = await connectPeer(url({ ...bob, resume: JSON.stringify({ "user:bob": end }) }));
    peer.pause();
    const reply = peer.request("message.resume", { channel: "user:bob", epoch, offset: 1 });
    // Whatever has the deadline of a handler ends meanwhile.
    expect(await other.request("test.hang")).toMatchObject({ error: { code: "timeout" } });
    peer.socket.resume();
    expect(await reply).toMatchObject({ data: { recovered: true } });
    expect(offsets(peer)).toEqual(range(2, 41));
  });

  it("replays far more than the send queue holds, while live messages continue", async () => {
    const { hub, url } = await startHub({ websocket: { messageBufferSize: 16 } });
    for (let n = 0; n < 900; n++) void hub.user("bob").send({ type: "n", data: n });
    const peer = await connectPeer(url(bob));
    for (let n = 900; n < 1_000; n++) await hub.user("bob").send({ type: "n", data: n });
    await peer.take(1_000, isMessage);
    expect(offsets(peer)).toEqual(range(1, 1_000));
  });

  it("fills a gap on a live connection by message.resume", async () => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(bob));
    const { epoch } = await hub.user("bob").send({ type: "n" });
    await hub.user("bob").send({ type: "n" });
    const reply = await peer.request("message.resume", { channel: "user:bob", epoch, offset: 1 });
    expect(reply.data).toEqual({ channel: "user:bob", epoch, offset: 1, recovered: true });
    expect(offsets(peer)).toEqual([1, 2, 2]);
    expect(await peer.request("message.resume", { channel: "user:alice", epoch, offset: 0 })).toMatchObject({
      error: { code: "forbidden" },
    });
  });

  it("does not join a group that the policy forbids now, and says so", async () => {
    const { hub, url } = await startHub();
    hub.authorize(({ verb }) => verb !== "join");
    const resume = JSON.stringify({ "group:g": { epoch: "e", offset: 1 } });
    const peer = await connectPeer(url({ ...bob, resume }));
    expect(await peer.next((frame) => frame.event === "notice")).toMatchObject({
      code: "forbidden",
      data: { channel: "group:g" },
    });
  });
});

describe("a cursor", () => {
  it("moves by message.ack, and the next login of the device starts after it", async () => {
    const { hub, url } = await startHub();
    for (let n = 0; n < 3; n++) await hub.user("bob").send({ type: "n" });
    const peer = await connectPeer(url(bob));
    await peer.caughtUp();
    expect(offsets(peer)).toEqual([1, 2, 3]);
    expect(await peer.request("message.ack", { offset: 2 })).toMatchObject({ data: { offset: 2 } });
    expect(await peer.request("message.ack", { offset: 1 })).toMatchObject({ data: { offset: 2 } });
    const again = await connectPeer(url(bob));
    const otherDevice = await connectPeer(url({ ...bob, device: "phone" }));
    await Promise.all([again.caughtUp(), otherDevice.caughtUp()]);
    expect(offsets(again)).toEqual([3]);
    expect(offsets(otherDevice)).toEqual([1, 2, 3]);
  });

  it("can be moved by its receiver only", async () => {
    const { hub, url } = await startHub();
    await hub.user("bob").send({ type: "n" });
    const stranger = await connectPeer(url({ user_id: "mallory" }));
    for (const channel of ["user:bob", "group:g"]) {
      expect(await stranger.request("message.ack", { channel, offset: 1 })).toMatchObject({
        error: { code: "forbidden" },
      });
    }
    expect(await stranger.request("message.ack", { offset: 1 })).toMatchObject({
      error: { code: "bad_request" },
    });
    expect(await stranger.request("message.ack", { offset: -1 })).toMatchObject({
      error: { code: "bad_request" },
    });
  });
});

describe("a sender that waits", () => {
  it("gets acked when the receiver acknowledges", async () => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(bob));
    const sent = hub.user("bob").send({ type: "n", ack: true, timeoutMs: 60_000 });
    const { offset } = await peer.next(isMessage);
    await peer.request("message.ack", { offset });
    expect(await sent).toMatchObject({ state: "acked", offset: 1 });
  });

  it("gets stored after the timeout", async () => {
    const { hub, url } = await startHub();
    expect(await hub.user("bob").send({ type: "n", ack: true, timeoutMs: 20 })).toMatchObject({
      state: "stored",
    });
    await connectPeer(url(bob));
    expect(await hub.user("bob").send({ type: "n", ack: true, timeoutMs: 20 })).toMatchObject({
      state: "stored",
      connections: 1,
    });
  });

  it("may be a client, and its next message does not wait", async () => {
    const { url } = await startHub();
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url({ user_id: "alice" }));
    sender.send({ id: 1, type: "n", to: "bob", ack: true, timeoutMs: 60_000 });
    sender.send({ id: 2, type: "n", to: "bob" });
    await sender.next((frame) => frame.id === 2);
    await receiver.take(2, isMessage);
    await receiver.request("message.ack", { offset: 2 });
    expect(await sender.next((frame) => frame.id === 1)).toMatchObject({
      data: { state: "acked", offset: 1 },
    });
  });
});

describe("durable membership", () => {
  it("joins at every login and replays what was missed", async () => {
    const { hub, url } = await startHub();
    await hub.group("g").add("bob");
    await hub.group("g").send({ type: "n", data: 1 });
    const peer = await connectPeer(url(bob));
    expect(await peer.next(isMessage)).toMatchObject({ group: "g", data: 1 });
    await hub.group("g").remove("bob");
    await hub.group("g").send({ type: "n", data: 2 });
    await peer.caughtUp();
    expect(peer.messages).toHaveLength(1);
  });

  it("begins on live connections", async () => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(bob));
    await hub.group("g").add("bob");
    expect((await hub.group("g").members()).members).toEqual([{ user: "bob", online: true, durable: true }]);
    await hub.group("g").send({ type: "n" });
    await peer.next(isMessage);
  });
});

describe("history", () => {
  it("is read page by page, backwards", async () => {
    const { hub, url } = await startHub();
    for (let n = 1; n <= 5; n++) await hub.user("bob").send({ type: "n", data: n });
    const peer = await connectPeer(url(bob));
    const newest = await peer.request("message.history", { limit: 2 });
    expect(newest.data).toMatchObject({ more: true, messages: [{ offset: 4, data: 4 }, { offset: 5 }] });
    const rest = await peer.request("message.history", { before: 4 });
    expect(rest.data).toMatchObject({ more: false, messages: [{ offset: 1 }, { offset: 2 }, { offset: 3 }] });
    expect(await peer.request("message.history", { channel: "user:alice" })).toMatchObject({
      error: { code: "forbidden" },
    });
  });

  it("that was evicted for newer channels: members get its new epoch", async () => {
    const { hub, url } = await startHub({ history: { totalBytes: 20_000 } });
    const peer = await connectPeer(url(bob));
    const { epoch } = await hub.user("bob").send({ type: "n", data: "x".repeat(1_000) });
    for (let n = 0; n < 40; n++) await hub.user(`u${n}`).send({ type: "n", data: "x".repeat(1_000) });
    const lost = await peer.next((frame) => frame.event === "position" && frame.recovered === false);
    expect(lost).toMatchObject({ channel: "user:bob", offset: 0 });
    expect(lost.epoch).not.toBe(epoch);
    expect(await hub.user("bob").send({ type: "n" })).toMatchObject({ epoch: lost.epoch, offset: 1 });
  });
});
