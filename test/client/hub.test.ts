import { SignJWT } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import type { ConnectOptions } from "../../src/client/client.ts";
import { createHub } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { Observed } from "./harness.ts";

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n);

/** A WebSocket class whose open sockets a test can terminate without a close frame, or stop reading. */
function cuttable() {
  const open = new Set<WebSocket>();
  class Cuttable extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol);
      open.add(this);
      this.on("close", () => open.delete(this));
    }
  }
  return {
    WebSocket: Cuttable,
    cut: () => {
      for (const socket of open) socket.terminate();
    },
    pause: () => {
      for (const socket of open) socket.pause();
    },
    resume: () => {
      for (const socket of open) socket.resume();
    },
  };
}

function observed(url: string, options: ConnectOptions = {}): Observed {
  const client = new Observed(url, options);
  onTestFinished(() => client.client.close());
  return client;
}

describe("a client whose connection is cut at random", () => {
  it("receives 20,000 stored messages once each, in order, over 50 cuts", async () => {
    const total = 20_000;
    const { hub, url } = await startHub({ history: { count: total, channelBytes: 2 ** 25 } });
    const wire = cuttable();
    const bob = observed(url(), { user: "bob", WebSocket: wire.WebSocket });
    await bob.client.ready;
    const cuts = new Set<number>();
    while (cuts.size < 50) cuts.add(Math.floor(Math.random() * total));
    for (let n = 1; n <= total; n++) {
      await hub.user("bob").send({ type: "n", data: n });
      if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (!cuts.has(n)) continue;
      wire.cut();
      // In half of the cases the client is connected again before the next cut.
      if (Math.random() < 0.5) await bob.until(() => bob.statuses.at(-1)?.type === "open");
    }
    await bob.until(() => bob.received.length >= total);
    expect(bob.received).toEqual(range(1, total));
    expect(bob.statuses.filter(({ type }) => type === "open").length).toBeGreaterThan(10);
    expect(bob.statuses.filter(({ type }) => type === "lost")).toEqual([]);
  });

  it("receives the messages of concurrent publishers to a group once each, in order", async () => {
    const total = 2_000;
    const { hub, url } = await startHub({ history: { count: total, channelBytes: 2 ** 25 } });
    const wire = cuttable();
    const bob = observed(url(), { user: "bob", WebSocket: wire.WebSocket });
    await bob.client.join("g");
    for (let n = 1; n <= total; n += 4) {
      await Promise.all(
        [n, n + 1, n + 2, n + 3].map((each) => hub.group("g").send({ type: "n", data: each })),
      );
      if (n % 20 === 1) await new Promise((resolve) => setImmediate(resolve));
      if (n % 100 === 1) wire.cut();
    }
    await bob.until(() => bob.received.length >= total);
    expect(bob.received).toEqual(range(1, total));
  });

  it("reports a loss when the history was too short, and receives the rest", async () => {
    const { hub, url } = await startHub({ history: { count: 10 } });
    const wire = cuttable();
    const bob = observed(url(), { user: "bob", WebSocket: wire.WebSocket });
    await hub.user("bob").send({ type: "n", data: 1 });
    await bob.until(() => bob.received.length === 1);
    wire.cut();
    await bob.until(() => bob.statuses.some(({ type }) => type === "closed"));
    for (const n of range(2, 30)) await hub.user("bob").send({ type: "n", data: n });
    await bob.until(() => bob.received.at(-1) === 30);
    const told = bob.statuses.some((status) => status.type === "lost" && status.channel === "user:bob");
    // Either the client reconnected before the history was trimmed, or it reports the loss.
    expect(told || bob.received.length === 30).toBe(true);
    expect(bob.received.slice(-10)).toEqual(range(21, 30));
  });
});

describe("a client", () => {
  it("reports a loss when its position is older than the history", async () => {
    const { hub, url } = await startHub({ history: { count: 5 } });
    const { epoch = "" } = await hub.user("bob").send({ type: "n", data: 1 });
    for (const n of range(2, 20)) await hub.user("bob").send({ type: "n", data: n });
    const bob = observed(url(), { user: "bob", positions: { "user:bob": { epoch, offset: 1 } } });
    await bob.until(() => bob.received.length === 5);
    expect(bob.received).toEqual(range(16, 20));
    expect(bob.statuses).toContainEqual({ type: "lost", channel: "user:bob" });
  });

  it("acknowledges messages after its listeners ran", async () => {
    const { hub, url } = await startHub();
    observed(url(), { user: "bob" });
    const receipt = await hub.user("bob").send({ type: "n", ack: true, timeoutMs: 60_000 });
    expect(receipt.state).toBe("acked");
  });

  it("sends while offline, and each message is stored once", async () => {
    const { hub, url } = await startHub();
    const wire = cuttable();
    const alice = observed(url(), { user: "alice", WebSocket: wire.WebSocket });
    await alice.client.ready;
    const sent = range(1, 30).map((n) => {
      if (n % 7 === 0) wire.cut();
      return alice.client.send({ type: "n", to: "bob", data: n });
    });
    const receipts = await Promise.all(sent);
    expect(receipts.map(({ offset }) => offset).sort((one, other) => Number(one) - Number(other))).toEqual(
      range(1, 30),
    );
    const { messages } = await hub.history("user:bob", { limit: 200 });
    expect(messages.map(({ data }) => data)).toEqual(range(1, 30));
  });

  it("fetches a new token before the login expires, and keeps the connection", async () => {
    const secret = "a secret of at least thirty-two bytes";
    const { url } = await startHub({ jwt: { secret } });
    let fetched = 0;
    const token = (): Promise<string> => {
      fetched++;
      const seconds = Math.ceil(Date.now() / 1_000) + 5;
      const unsigned = new SignJWT({})
        .setProtectedHeader({ alg: "HS256" })
        .setSubject("bob")
        .setExpirationTime(seconds);
      return unsigned.sign(new TextEncoder().encode(secret));
    };
    const bob = observed(url(), { user: undefined, token });
    await bob.client.ready;
    const connection = bob.client.connection;
    await eventually("the token was fetched twice more", () => fetched > 2);
    expect(await bob.client.request("robot.ping", 1)).toBe(1);
    expect(bob.client.connection).toBe(connection);
  });

  it("does not reconnect after a kick", async () => {
    const { hub, url } = await startHub();
    const bob = observed(url(), { user: "bob" });
    await bob.client.ready;
    expect(await hub.user("bob").kick({ reason: "bye", notice: { why: "test" } })).toEqual({
      connections: 1,
      unconfirmed: 0,
    });
    await bob.until(() => bob.client.state === "closed");
    expect(bob.statuses).toContainEqual(
      expect.objectContaining({ type: "closed", code: 4501, willRetry: false }),
    );
    expect(bob.statuses).toContainEqual(expect.objectContaining({ type: "notice", code: "kicked" }));
    await expect(bob.client.send({ type: "n", to: "alice" })).rejects.toMatchObject({ code: "kicked" });
  });

  it("names the limit or the block for which its login by message is refused", async () => {
    const { hub, url } = await startHub({ websocket: { maxConnectionsPerUser: 1 } });
    await observed(url(), { user: "bob" }).client.ready;
    const second = await observed(url(), { user: "bob" }).status("closed");
    expect(second).toMatchObject({ code: 4503, willRetry: false, error: { code: "limit" } });
    await hub.user("bob").block(60_000);
    const third = await observed(url(), { user: "bob" }).status("closed");
    expect(third).toMatchObject({ code: 4506, willRetry: false, error: { code: "blocked" } });
  });

  it("watches presence across reconnects", async () => {
    const { url } = await startHub({ presence: { graceMs: 20 } });
    const wire = cuttable();
    const alice = observed(url(), { user: "alice", WebSocket: wire.WebSocket });
    await alice.client.watchPresence({ users: ["bob"] });
    wire.cut();
    const bob = observed(url(), { user: "bob" });
    await alice.until(() => alice.presences.some(({ online }) => online));
    await bob.client.close();
    await alice.until(() => alice.presences.some(({ online }) => !online));
  });

  it("ends a watch of presence, and another one of the same user goes on", async () => {
    const { url } = await startHub({ presence: { graceMs: 0 } });
    const alice = observed(url(), { user: "alice" });
    const watches = [
      await alice.client.watchPresence({ users: ["bob", "carol"] }),
      await alice.client.watchPresence({ users: ["bob"] }),
      await alice.client.watchPresence({ all: true }),
    ];
    watches[0]?.stop();
    watches[2]?.stop();
    const [carol, bob] = [observed(url(), { user: "carol" }), observed(url(), { user: "bob" })];
    await Promise.all([carol.client.ready, bob.client.ready]);
    await alice.until(() => alice.presences.some(({ user }) => user === "bob"));
    watches[1]?.stop();
    await bob.client.close();
    const dave = observed(url(), { user: "dave" });
    await dave.client.ready;
    await alice.client.request("robot.heartBeat");
    expect(alice.presences).toEqual([{ user: "bob", online: true }]);
  });

  it("keeps a user online who is in the grace period when the watch begins", async () => {
    const { hub, url } = await startHub({ presence: { graceMs: 60_000 } });
    const bob = observed(url(), { user: "bob" });
    await bob.client.ready;
    await bob.client.close();
    await eventually("bob has no connection", async () => (await hub.user("bob").connections()).length === 0);
    const alice = observed(url(), { user: "alice" });
    const { online } = await alice.client.watchPresence({ users: ["bob", "carol"] });
    expect(online).toEqual({ bob: [] });
  });

  it("requests actions of the application, and rejects with their error codes", async () => {
    const { hub, url } = await startHub();
    const { z } = await import("zod");
    hub.action("math.double", z.number(), (_context, input) => input * 2);
    const bob = observed(url(), { user: "bob" });
    expect(await bob.client.request("math.double", 21)).toBe(42);
    await expect(bob.client.request("math.double", "x")).rejects.toMatchObject({ code: "bad_request" });
    await expect(bob.client.request("math.halve", 1)).rejects.toMatchObject({ code: "unknown_action" });
  });
});

describe("a slow consumer", () => {
  it("recovers the messages that its full send queue dropped, once each and in order", async () => {
    // More than sockets and queue take, and little enough to read the rest without a pause: a user's large pages are paced.
    const total = 1_500;
    const { hub, at, url } = await startHub({
      history: { count: total, channelBytes: 2 ** 25 },
      // Nobody is cut for the time that the test takes on a busy machine.
      websocket: { writeTimeoutMs: 300_000 },
    });
    const wire = cuttable();
    const bob = observed(url(), { user: "bob", WebSocket: wire.WebSocket });
    await bob.client.ready;
    wire.pause();
    const page = "x".repeat(8_192);
    for (let n = 1; n <= total; n++) await hub.user("bob").send({ type: "n", data: [n, page] });
    const metrics = await (await fetch(`${at.url}/metrics`)).text();
    expect(metrics).not.toMatch(/^tidings_dropped_total 0$/m);
    wire.resume();
    // The reply comes after the queued messages. The queue then has room for the message that reveals the gap.
    await bob.client.request("robot.ping");
    expect(bob.received.length).toBeLessThan(total);
    await hub.user("bob").send({ type: "n", data: [total + 1] });
    await bob.until(() => bob.received.length > total);
    expect(bob.received.map((data) => Array.isArray(data) && data[0])).toEqual(range(1, total + 1));
    expect(bob.all("lost")).toEqual([]);
    expect(bob.all("closed")).toEqual([]);
  });
});

describe("a client whose hub is restarted", () => {
  it("reconnects after the drain notice, reports what the new hub lost, and sends the queued messages", async () => {
    const first = await startHub({ shutdown: { reconnectSpreadMs: 5 } });
    const bob = observed(first.url(), { user: "bob" });
    await bob.client.join("g");
    await first.hub.user("bob").send({ type: "n", data: "before" });
    await bob.until(() => bob.received.length === 1);
    await first.hub.close();
    const notice = await bob.status("notice");
    expect(notice).toMatchObject({ code: "drain" });
    expect(await bob.status("closed")).toMatchObject({ code: 4000, willRetry: true });
    const waiting = [1, 2, 3].map((data) => bob.client.send({ type: "n", group: "g", data }));
    const second = createHub({ logLevel: "silent" });
    onTestFinished(() => second.close());
    await second.listen({ port: first.at.port, host: "127.0.0.1" });
    const receipts = await Promise.all(waiting);
    expect(receipts.map(({ offset }) => offset)).toEqual([1, 2, 3]);
    await bob.until(() => bob.received.length === 4);
    expect(bob.received).toEqual(["before", 1, 2, 3]);
    expect(bob.all("lost")).toContainEqual({ type: "lost", channel: "user:bob" });
  });
});
