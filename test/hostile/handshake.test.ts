import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { startHubProcess } from "../support/hub-process/hub-process.ts";
import { connectPeer, Peer } from "../support/peer.ts";
import { connectRaw, connectTo, RawPeer, upgradeRequest } from "../support/raw.ts";
import { textFrame } from "../support/wire.ts";

const alice = { user_id: "alice" };

describe("half-open handshakes", () => {
  it("are cut in time, ten thousand of them, and a well-behaved client gets in", async () => {
    const hub = await startHubProcess({ websocket: { handshakeTimeoutMs: 2_500 } });
    const idle = await hub.memory();
    const program = join(import.meta.dirname, "programs/half-open.ts");
    const attackers = fork(program, [new URL(hub.url()).port, "10000"]);
    onTestFinished(() => void attackers.kill());
    await once(attackers, "message");
    const cut = once(attackers, "message"); // it may come while this process waits for something else
    await (await connectPeer(hub.url(alice))).caughtUp();
    // Memory of a socket and its HTTP parser.
    expect((await hub.memory()) - idle).toBeLessThan(10_000 * 12_000);
    await cut;
    await (await connectPeer(hub.url(alice))).caughtUp();
    expect((await hub.memory()) - idle).toBeLessThan(10_000_000);
    expect(await hub.failures()).toEqual([]);
  });

  it("beyond the limit cut the oldest, not the newest", async () => {
    const { url } = await startHub({ websocket: { maxHandshakes: 2 } });
    const [oldest, ...others] = [connectTo(url()), connectTo(url()), connectTo(url())];
    await once(oldest.resume(), "close");
    await connectPeer(url(alice));
    expect(others.map(({ destroyed }) => destroyed)).toContain(false);
  });
});

describe("connections without a login", () => {
  it("beyond the limit close the longest silent one", async () => {
    const { url } = await startHub({ websocket: { maxHandshakes: 2 } });
    const silent = [new Peer(url()), new Peer(url())];
    await Promise.all(silent.map(({ socket }) => once(socket, "open")));
    const peer = await connectPeer(url(alice));
    expect(await Promise.race(silent.map(({ closed }) => closed))).toMatchObject({ code: 4003 });
    await peer.caughtUp();
    const late = await connectPeer(url({ user_id: "late" }));
    await late.caughtUp();
  });

  it("are closed after too many messages, or malformed ones", async () => {
    const { url } = await startHub();
    const request = textFrame({ id: 1, action: "robot.login", data: { user_id: 7 } });
    expect((await new RawPeer(url(), {}, request).closed).code).toBe(4505);
    const junk = Buffer.concat(new Array(20).fill(textFrame("null")));
    expect((await new RawPeer(url(), {}, junk).closed).code).toBe(4500);
  });

  it("are answered in text whatever they request", async () => {
    const { url } = await startHub();
    const peer = new RawPeer(url());
    for (const text of [
      "null",
      "[]",
      '{"type":"n","to":"bob"}',
      '{"type":"ping"}',
      '{"Module":"a","Action":"b"}',
    ]) {
      peer.send(text);
    }
    await peer.until(() => peer.frames.length === 5);
    const codes = peer.frames.map((frame) => JSON.stringify(frame).match(/bad_request|unauthorized/)?.[0]);
    expect(codes).toEqual(["bad_request", "bad_request", "unauthorized", "unauthorized", "unauthorized"]);
  });

  it("keep no more than the message limit each while their login is in flight", async () => {
    const { hub, url } = await startHub({ timeouts: { hookMs: 60_000 } });
    let admit = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      hub.on("connect", () => {
        resolve();
        return new Promise<void>((done) => {
          admit = done;
        });
      });
    });
    const peer = new RawPeer(url(alice));
    await asked;
    const big = textFrame({ type: "n", to: "bob", data: "x".repeat(400_000) });
    const sent = Array.from(
      { length: 60 },
      () => new Promise<void>((done) => peer.socket.write(big, () => done())),
    );
    // The server stops reading: the rest stays with the client.
    await sent[0];
    await someRoundTrips(url);
    expect(peer.socket.writableLength).toBeGreaterThan(10_000_000);
    admit();
    await Promise.all(sent);
    peer.send({ id: 1, action: "robot.ping" });
    await peer.until(() => peer.frames.some(({ id }) => id === 1));
    expect((await hub.history("user:bob", { limit: 100 })).messages.at(-1)).toMatchObject({ offset: 60 });
  });
});

describe("an upgrade that is refused", () => {
  it.each<[string, number, Record<string, string>, Record<string, string>]>([
    ["a WebSocket version of the past", 400, alice, { "Sec-WebSocket-Version": "7" }],
    ["a WebSocket version of the future", 400, alice, { "Sec-WebSocket-Version": "99" }],
    ["no WebSocket version", 400, alice, { "Sec-WebSocket-Version": "" }],
    ["a key that is none", 400, alice, { "Sec-WebSocket-Key": "x" }],
    ["no key", 400, alice, { "Sec-WebSocket-Key": "" }],
    ["a subprotocol list that is broken", 400, alice, { "Sec-WebSocket-Protocol": "a,,b" }],
    ["a user that cannot be one", 400, { user_id: "\n" }, {}],
    ["a resume that is no JSON", 400, { ...alice, resume: "{" }, {}],
    ["a resume of the wrong shape", 400, { ...alice, resume: '{"all":{"epoch":1}}' }, {}],
    ["a resume of the wrong type", 400, { ...alice, resume: "[1]" }, {}],
    ["a resume of nothing", 400, { ...alice, resume: "null" }, {}],
    ["a platform too long", 400, { ...alice, platform: "x".repeat(256) }, {}],
    ["a request too long", 431, { ...alice, resume: "x".repeat(20_000) }, {}],
  ])("because of %s is told so and ended", async (_what, status, query, headers) => {
    const { url } = await startHub();
    const peer = new RawPeer(url(query), headers);
    await peer.closed;
    expect(peer.status).toBe(status);
  });

  it("leaves no socket behind, even when the client keeps its side open", async () => {
    const { url } = await startHub();
    const peer = new RawPeer(url({ user_id: "" }));
    peer.socket.allowHalfOpen = true;
    await once(peer.socket, "end");
    // A socket answers with a reset only when its owner has destroyed it.
    const writing = setInterval(() => peer.socket.write("x"), 10);
    await peer.closed;
    clearInterval(writing);
    expect(peer.status).toBe(400);
  });

  it("gets 504, or 4004 after the upgrade, when the authentication times out", async () => {
    const never = new Promise<never>(() => undefined);
    const auth = {
      mode: "token",
      authenticate: ({ token }: { token?: string }) =>
        token === undefined ? Promise.resolve(undefined) : never,
    } as const;
    const { url } = await startHub({ auth, websocket: { loginTimeoutMs: 300 } });
    const peer = new RawPeer(url({ token: "x" }));
    await peer.closed;
    expect(peer.status).toBe(504);
    expect(
      (await new RawPeer(url(), {}, textFrame({ id: 1, action: "robot.login", data: { token: "x" } })).closed)
        .code,
    ).toBe(4004);
  });
});

describe("the path of WebSockets", () => {
  it("answers plain HTTP with a message", async () => {
    const { at } = await startHub();
    for (const method of ["GET", "POST", "HEAD", "DELETE"]) {
      const response = await fetch(`${at.url}/ws`, { method });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      if (method === "GET")
        expect(await response.json()).toMatchObject({ error: { message: expect.any(String) } });
    }
  });

  it.each([
    "?",
    "?&&&",
    "?=",
    "?user_id=alice&%00=%ff",
    "?user_id=alice&user_id=mallory",
    "?__proto__=1&user_id=alice",
    "?user_id=%E0%A4",
    "?user_id=a%ZZ",
    "?#",
  ])("survives junk in the query: %s", async (query) => {
    const { url } = await startHub();
    const peer = new RawPeer(`${url().split("?")[0]}${query}`);
    await peer.until(() => peer.head.endsWith("\r\n\r\n"));
    expect([101, 400]).toContain(peer.status);
    await connectPeer(url(alice));
  });

  it.each([
    ["another version", "GET /ws HTTP/9.9\r\n\r\n"],
    ["zeros", "\0\0\0\0\r\n\r\n"],
    ["half a request line", "GET  /ws\r\n\r\n"],
    ["empty lines", "\r\n".repeat(1_000)],
    ["headers without end", `GET /ws HTTP/1.1\r\n${"a: b\r\n".repeat(5_000)}`],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ])("closes a socket that sends invalid HTTP: %s", async (_what, bytes) => {
    // Long enough for the client that connects afterwards.
    const { url } = await startHub({ websocket: { handshakeTimeoutMs: 3_000 } });
    const socket = connectTo(url());
    socket.write(bytes);
    await once(socket.resume(), "close");
    await connectPeer(url(alice));
  });
});

describe("a client that is cut", () => {
  it("at any byte of its handshake, its login and its first messages leaves nothing behind", async () => {
    const { hub, url } = await startHub({ presence: { graceMs: 0 } });
    const failures: unknown[] = [];
    hub.on("error", ({ error }) => failures.push(error));
    const { epoch } = await hub.user("alice").send({ type: "n" });
    const session = Buffer.concat([
      Buffer.from(upgradeRequest(url())),
      textFrame({
        id: 1,
        action: "robot.login",
        data: {
          ...alice,
          resume: { "user:alice": { epoch, offset: 0 }, "group:g": { epoch: "e", offset: 0 } },
        },
      }),
      textFrame({ id: 2, action: "presence.watch", data: { all: true } }),
      textFrame({ id: 3, type: "n", to: "alice" }),
    ]);
    for (let end = 0; end <= session.length; end += 3) {
      const socket = connectTo(url());
      await once(socket, "connect");
      await new Promise((done) => socket.write(session.subarray(0, end), done));
      // Half of them wait for an answer first, so that the cut comes during the work.
      if (end % 2 === 0 && end > upgradeRequest(url()).length) await once(socket, "data");
      socket.resetAndDestroy();
    }
    await connectPeer(url({ user_id: "bob" }));
    await eventually("bob alone is connected", async () => (await hub.presence.count()).connections === 1);
    expect((await hub.group("g").members()).members).toEqual([]);
    expect(failures).toEqual([]);
  });

  it("at any moment of a long replay leaves nothing behind", async () => {
    const { hub, url } = await startHub({ websocket: { messageBufferSize: 16 }, presence: { graceMs: 0 } });
    // Small ones: what a user reads in large pages is paced, and the replays would take most of a minute.
    for (let n = 0; n < 1_000; n++) await hub.user("alice").send({ type: "n", data: "x".repeat(50) });
    for (let messages = 0; messages <= 1_000; messages += 50) {
      const peer = new RawPeer(url(alice));
      await peer.until(() => peer.received.length >= messages);
      peer.socket.resetAndDestroy();
      await peer.closed;
    }
    const peer = await connectRaw(url(alice));
    await peer.until(() => peer.frames.filter(({ type }) => type === "n").length === 1_000);
    await eventually("one connection is left", async () => (await hub.presence.count()).connections === 1);
  });

  it("and reconnects, over and over, has exactly one connection", async () => {
    const { hub, url } = await startHub({ websocket: { onePerPlatform: true } });
    const peers = await Promise.all(Array.from({ length: 50 }, () => new RawPeer(url(alice))));
    const codes: number[] = [];
    for (const { closed } of peers) void closed.then(({ code }) => codes.push(code));
    await eventually("49 connections have ended", () => codes.length === 49);
    expect(codes).toEqual(new Array(49).fill(4502));
    expect(await hub.presence.count()).toEqual({ users: 1, connections: 1 });
  });
});

/** Several round trips of another client, in which the server reads all that it is willing to read. */
async function someRoundTrips(url: (parameters: Record<string, string>) => string): Promise<void> {
  for (let n = 0; n < 20; n++) {
    const response = await fetch(url({}).replace("ws:", "http:").replace("/ws", "/health"));
    await response.text();
  }
}
