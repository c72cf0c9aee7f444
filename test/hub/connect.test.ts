import { once } from "node:events";
import { connect } from "node:net";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { createHub, refuse } from "../../src/index.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer, Peer } from "../support/peer.ts";

const secret = "a secret of at least thirty-two bytes";

const tokenOf = (user: string, expiresAt: number | string = "1h"): Promise<string> =>
  new SignJWT({})
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user)
    .setExpirationTime(expiresAt)
    .sign(new TextEncoder().encode(secret));

/** The HTTP answer to an upgrade that is refused. */
async function refusal(peer: Peer): Promise<number | undefined> {
  const [, response] = await once(peer.socket, "unexpected-response");
  peer.socket.terminate();
  return response.statusCode;
}

describe("a connection", () => {
  it("gets the welcome first, then the positions of its channels", async () => {
    const { url, hub } = await startHub();
    const peer = await connectPeer(url({ user_id: "alice", platform: "ios" }));
    await peer.caughtUp();
    const [welcome, own, all] = peer.frames;
    expect(welcome).toMatchObject({
      event: "welcome",
      protocol: "tidings.v1",
      user: "alice",
      platform: "ios",
      node: hub.node,
      heartbeatMs: 30_000,
      limits: { messageBytes: 524_288 },
    });
    expect(own).toMatchObject({ event: "position", channel: "user:alice", offset: 0, recovered: true });
    expect(all).toMatchObject({ event: "position", channel: "all", offset: 0, recovered: true });
  });

  it("has an id of its own, also for the same user and device", async () => {
    const { url } = await startHub();
    const [one, other] = await Promise.all([
      connectPeer(url({ user_id: "a" })),
      connectPeer(url({ user_id: "a" })),
    ]);
    expect(one.frames[0]?.connection).toMatch(/^[\w-]{16}$/);
    expect(one.frames[0]?.connection).not.toBe(other.frames[0]?.connection);
  });

  it("speaks tidings.v1 when the client offers it", async () => {
    const { url } = await startHub();
    const peer = new Peer(url({ user_id: "alice" }));
    await peer.next((frame) => frame.event === "welcome");
    expect(peer.socket.protocol).toBe("");
    await peer.close();
  });

  it("logs in by its first message", async () => {
    const { url } = await startHub();
    const peer = new Peer(url());
    await once(peer.socket, "open");
    expect(await peer.request("robot.heartBeat")).toMatchObject({ error: { code: "unauthorized" } });
    const reply = await peer.request("robot.login", { user_id: "alice", platform: "android" });
    expect(reply.data).toMatchObject({ user: "alice", platform: "android" });
    const types = peer.frames.map(({ event }) => event);
    expect(types).toEqual([undefined, "welcome", "position", "position", undefined]);
    await peer.close();
  });

  it("may send right after its login, before the welcome has arrived", async () => {
    const { url } = await startHub();
    const peer = new Peer(url());
    await once(peer.socket, "open");
    peer.send({ id: 1, action: "robot.login", data: { user_id: "alice" } });
    peer.send({ id: 2, type: "note", to: "alice", data: 1 });
    expect(await peer.next((frame) => frame.id === 2)).toMatchObject({
      data: { state: "delivered", offset: 1 },
    });
    await peer.close();
  });

  it("that never logs in is closed with 4003", async () => {
    const { url } = await startHub({ websocket: { loginTimeoutMs: 50 } });
    expect(await new Peer(url()).closed).toMatchObject({ code: 4003 });
  });

  it("that sends other messages instead of logging in is closed with 4500", async () => {
    const { url } = await startHub();
    const peer = new Peer(url());
    await once(peer.socket, "open");
    for (let count = 0; count < 8; count++) peer.send("{}");
    expect(await peer.closed).toMatchObject({ code: 4500 });
  });

  it("is refused by a connect hook, with the message of the hook", async () => {
    const { hub, url } = await startHub();
    hub.on("connect", ({ connection }) => {
      if (connection.user === "mallory") throw refuse("not today");
    });
    expect(await new Peer(url({ user_id: "mallory" })).closed).toEqual({ code: 4504, reason: "not today" });
    await connectPeer(url({ user_id: "alice" }));
  });

  it("is refused when the connect hook hangs, while others connect", async () => {
    const { hub, url } = await startHub({ timeouts: { hookMs: 100 } });
    hub.on("connect", ({ connection }) =>
      connection.user === "stuck" ? new Promise(() => undefined) : undefined,
    );
    const stuck = new Peer(url({ user_id: "stuck" }));
    await connectPeer(url({ user_id: "alice" }));
    expect(await stuck.closed).toMatchObject({ code: 4004 });
  });
});

describe("a token", () => {
  it("is taken from the query, the header and the first message", async () => {
    const { url } = await startHub({ jwt: { secret } });
    const token = await tokenOf("alice");
    await connectPeer(url({ token }));
    await connectPeer(url(), { headers: { authorization: `Bearer ${token}` } });
    const peer = new Peer(url());
    await once(peer.socket, "open");
    expect(await peer.request("robot.login", { token })).toMatchObject({ data: { user: "alice" } });
    await peer.close();
  });

  it("that is not valid is refused with 4500 and words, in the request or by message", async () => {
    const { url } = await startHub({ jwt: { secret } });
    const words = { code: 4500, reason: "the token is not a valid JWT" };
    expect(await new Peer(url({ token: "nonsense" })).closed).toEqual(words);
    const peer = new Peer(url());
    await once(peer.socket, "open");
    peer.send({ id: 1, action: "robot.login", data: { token: "nonsense" } });
    expect(await peer.closed).toEqual(words);
  });

  it("cannot be replaced by user_id", async () => {
    const { url } = await startHub({ jwt: { secret } });
    expect(await new Peer(url({ user_id: "alice" })).closed).toMatchObject({ code: 4500 });
  });

  it("ends the connection with 4005 when it expires", async () => {
    const { url } = await startHub({ jwt: { secret } });
    const peer = await connectPeer(url({ token: await tokenOf("alice", Math.ceil(Date.now() / 1000) + 3) }));
    await peer.next((frame) => frame.code === "token_expiring");
    expect(await peer.closed).toMatchObject({ code: 4005 });
  });

  it("is renewed in time by a token of its user, and by no other token", async () => {
    const { url } = await startHub({ jwt: { secret } });
    const soon = Math.ceil(Date.now() / 1000) + 4;
    const peer = await connectPeer(url({ token: await tokenOf("alice", soon) }));
    expect(await peer.request("robot.login", { token: await tokenOf("mallory") })).toMatchObject({
      error: { code: "forbidden" },
    });
    const { data } = await peer.request("robot.login", { token: await tokenOf("alice") });
    expect(data).toMatchObject({ user: "alice", expiresAt: expect.any(Number) });
    await new Promise((resolve) => setTimeout(resolve, soon * 1000 + 1_500 - Date.now()));
    await peer.caughtUp();
  });
});

describe("development mode", () => {
  it("listens on loopback and refuses to start anywhere else", async () => {
    const hub = createHub({ logLevel: "silent" });
    expect(hub.development).toBe(true);
    await expect(hub.listen({ host: "0.0.0.0", port: 0 })).rejects.toThrow(/refusing to listen on 0.0.0.0/);
    await hub.close();
  });

  it("refuses pages of other origins and names of other hosts", async () => {
    const { url } = await startHub();
    expect(await refusal(new Peer(url({ user_id: "a" }), { origin: "https://evil.example" }))).toBe(403);
    expect(await refusal(new Peer(url({ user_id: "a" }), { headers: { host: "evil.example" } }))).toBe(403);
    await connectPeer(url({ user_id: "a" }), { origin: "http://localhost:3000" });
  });
});

describe("the limits", () => {
  it("refuse with 503 before the upgrade when the node is full", async () => {
    const { url } = await startHub({ websocket: { maxConnections: 1 } });
    await connectPeer(url({ user_id: "a" }));
    expect(await refusal(new Peer(url({ user_id: "b" })))).toBe(503);
  });

  it("refuse an origin that is not on the list", async () => {
    const { url } = await startHub({ jwt: { secret }, origins: ["https://app.example"] });
    const token = await tokenOf("a");
    expect(await refusal(new Peer(url({ token }), { origin: "https://evil.example" }))).toBe(403);
    await connectPeer(url({ token }), { origin: "https://app.example" });
  });

  it("reject a user's further connection with 4503", async () => {
    const { url } = await startHub({ websocket: { maxConnectionsPerUser: 1 } });
    await connectPeer(url({ user_id: "a" }));
    expect(await new Peer(url({ user_id: "a" })).closed).toMatchObject({ code: 4503 });
  });

  it("replace a user's oldest connection with 4502 under perUserPolicy kick_oldest", async () => {
    const { url } = await startHub({ websocket: { maxConnectionsPerUser: 1, perUserPolicy: "kick_oldest" } });
    const first = await connectPeer(url({ user_id: "a" }));
    const second = await connectPeer(url({ user_id: "a" }));
    expect(await first.closed).toMatchObject({ code: 4502 });
    await second.caughtUp();
  });

  it("replace the connection on the same platform, and no other", async () => {
    const { url } = await startHub({ websocket: { onePerPlatform: true } });
    const phone = await connectPeer(url({ user_id: "a", platform: "ios" }));
    const tab = await connectPeer(url({ user_id: "a" }));
    const newTab = await connectPeer(url({ user_id: "a" }));
    expect(await tab.closed).toMatchObject({ code: 4502 });
    await phone.caughtUp();
    await newTab.caughtUp();
  });

  it("refuse bad parameters with 400", async () => {
    const { url } = await startHub();
    expect(await refusal(new Peer(url({ user_id: "x".repeat(256) })))).toBe(400);
    expect(await refusal(new Peer(url({ user_id: "a", resume: "{" })))).toBe(400);
    expect(
      await refusal(new Peer(url({ user_id: "a", resume: '{"somewhere":{"epoch":"e","offset":1}}' }))),
    ).toBe(400);
  });

  it("answer an upgrade elsewhere with 404", async () => {
    const { at } = await startHub();
    expect(await refusal(new Peer(`${at.url.replace("http", "ws")}/other`))).toBe(404);
  });

  it("cut a client that sends half a request", async () => {
    const { at } = await startHub({ websocket: { handshakeTimeoutMs: 100 } });
    const socket = connect(at.port, at.host);
    socket.write("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgr");
    socket.resume();
    await once(socket, "close");
  });
});
