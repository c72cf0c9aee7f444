import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startHub } from "../support/hub.ts";
import { startHubProcess } from "../support/hub-process/hub-process.ts";
import { connectPeer, isMessage, Peer } from "../support/peer.ts";
import { connectRaw, connectTo, RawPeer } from "../support/raw.ts";
import { textFrame } from "../support/wire.ts";

const alice = { user_id: "alice" };
const bob = { user_id: "bob" };
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n);

/** A drain that no busy machine cuts short. */
const PATIENT = { shutdown: { drainMs: 120_000 }, websocket: { writeTimeoutMs: 300_000 } };

describe("a hub that closes", () => {
  it("tells every client when to reconnect, spread over the configured time, and closes with 4000", async () => {
    const { hub, url } = await startHub({ shutdown: { reconnectSpreadMs: 5_000 } });
    const peers = await Promise.all(range(1, 40).map((n) => connectPeer(url({ user_id: `u${n}` }))));
    await hub.close();
    const waits: number[] = [];
    for (const peer of peers) {
      expect(await peer.closed).toMatchObject({ code: 4000 });
      const notice = peer.frames.at(-1);
      expect(notice).toMatchObject({ event: "notice", code: "drain", message: expect.any(String) });
      waits.push(Number(notice?.reconnectMs));
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5_000);
    expect(new Set(waits).size).toBeGreaterThan(20);
  });

  it("writes a client's whole queue before the close, even to a busy socket", async () => {
    const { hub, url } = await startHub(PATIENT);
    const quick = await connectPeer(url(alice));
    const busy = await connectRaw(url(bob));
    busy.socket.pause();
    // More than a socket takes at once, so that some messages stay in the queue.
    const total = 100;
    for (let n = 0; n < total; n++) {
      await hub.user("bob").send({ type: "n", data: "x".repeat(64_000) });
      if (n % 10 === 0) await quick.caughtUp();
    }
    const sent = await Promise.all(range(1, 100).map(() => hub.user("alice").send({ type: "n" })));
    const closing = hub.close();
    busy.socket.resume();
    expect((await busy.closed).code).toBe(4000);
    await closing;
    expect(busy.frames.filter(isMessage).map(({ offset }) => offset)).toEqual(range(1, total));
    expect(busy.frames.at(-1)).toMatchObject({ code: "drain" });
    await quick.closed;
    expect(quick.messages.map(({ id }) => id)).toEqual(sent.map(({ id }) => id));
  });

  it("delivers every message whose receipt says delivered", async () => {
    const { hub, url } = await startHub(PATIENT);
    const receiver = await connectPeer(url(bob));
    const sender = await connectRaw(url(alice));
    sender.write(...range(1, 1_000).map((id) => textFrame({ id, type: "n", to: "bob", data: id })));
    await sender.until(() => sender.frames.some(({ id }) => id === 300));
    await hub.close();
    await Promise.all([sender.closed, receiver.closed]);
    const confirmed = sender.frames.filter(({ data }) => (data as { state?: string })?.state === "delivered"); // shape of a receipt
    expect(confirmed.length).toBeGreaterThanOrEqual(300);
    const got = receiver.messages.map(({ data }) => data);
    expect(got.slice(0, confirmed.length)).toEqual(range(1, confirmed.length));
  });

  it("ends within its limit despite a client that reads nothing and one that does not answer the close", async () => {
    const { hub, url } = await startHub({ shutdown: { drainMs: 300 } });
    const stalled = await connectRaw(url(bob));
    stalled.socket.pause();
    const deaf = await connectRaw(url(alice));
    deaf.answersClose = false;
    for (let n = 0; n < 200; n++) await hub.user("bob").send({ type: "n", data: "x".repeat(64_000) });
    await hub.close();
    expect((await deaf.closed).code).toBe(4000);
    stalled.socket.resume();
    await stalled.closed;
  });

  it("closes once, however often close is called", async () => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(alice));
    const closing = hub.close();
    expect(hub.close()).toBe(closing);
    await Promise.all([closing, hub.close(), peer.closed]);
    await hub.close();
    expect(peer.frames.filter(({ code }) => code === "drain")).toHaveLength(1);
  });

  it("refuses connections: with 503 while it drains, without a listener afterwards", async () => {
    const { hub, url } = await startHub(PATIENT);
    const holder = await connectRaw(url(alice));
    holder.answersClose = false;
    // A socket that was opened before the drain and sends its request during it.
    const late = connectTo(url());
    await once(late, "connect");
    const answer = once(late, "data");
    await new RawPeer(url({ user_id: "" })).closed;
    const closing = hub.close();
    late.write(
      "GET /ws?user_id=late HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
    );
    late.write("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    expect(String((await answer)[0])).toMatch(/^HTTP\/1.1 503 /);
    holder.socket.destroy();
    await closing;
    const [error] = await once(new Peer(url(bob)).socket, "error");
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("closes sessions that have not logged in, and does not wait for them", async () => {
    const { hub, url } = await startHub();
    const silent = new Peer(url());
    await once(silent.socket, "open");
    await hub.close();
    expect(await silent.closed).toMatchObject({ code: 4000 });
  });

  it("closes sessions whose login was in flight when it began", async () => {
    const { hub, url } = await startHub();
    let admit = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      hub.on("connect", () => {
        resolve();
        return new Promise<void>((done) => {
          admit = done;
        });
      });
    });
    const peer = new Peer(url(alice));
    await asked;
    const holder = hub.close();
    admit();
    const { code } = await peer.closed;
    expect([4000, 4004]).toContain(code);
    await holder;
  });

  it("answers requests meanwhile with unavailable, and has no unexpected error", async () => {
    const { hub, url } = await startHub();
    const failures: unknown[] = [];
    hub.on("error", (failure) => failures.push(failure));
    const peers = await Promise.all(range(1, 20).map((n) => connectRaw(url({ user_id: `u${n}` }))));
    const flooding = peers.map(async (peer, n) => {
      while (!peer.socket.destroyed && !peer.socket.writableEnded) {
        peer.send(
          { id: 1, type: "n", to: `u${n + 1}` },
          { id: 2, action: "group.join", data: { group: "g" } },
        );
        await sleep(1);
      }
    });
    await Promise.all(peers.map((peer) => peer.until(() => peer.frames.some(isMessage))));
    await hub.close();
    await Promise.all(flooding);
    await expect(hub.user("u1").send({ type: "n" })).rejects.toMatchObject({ code: "unavailable" });
    expect(failures).toEqual([]);
  });

  it("leaves nothing that keeps the process running", async () => {
    const hub = await startHubProcess();
    await Promise.all([connectRaw(hub.url(alice)), once(new Peer(hub.url()).socket, "open")]);
    await hub.close();
    await hub.ended();
  });
});
