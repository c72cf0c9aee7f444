import { describe, expect, it } from "vitest";
import { developmentAuth, jwt } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { API_KEY } from "../../support/keys.ts";
import { connectPeer } from "../../support/peer.ts";
import { call } from "./call.ts";

describe("health", () => {
  it.each(["/health", "/ws/health"])("is at %s", async (path) => {
    const running = await startHub({ node: { id: "n1" } });
    await connectPeer(running.url({ user_id: "bob" }));
    const { status, body } = await call(running, path);
    expect(status).toBe(200);
    expect(body).toEqual({ status: "healthy", is_running: true, websocket_count: 1, node_id: "n1" });
  });

  it("stays 200 while the node closes and readiness is 503", async () => {
    const running = await startHub();
    const { hub } = running;
    const ask = (path: string) => hub.fetch(new Request(`http://localhost${path}`), "::1");
    expect((await call(running, "/ready")).body).toEqual({ ready: true, reasons: [], degraded: [] });
    const closed = hub.close();
    const draining = await ask("/ready");
    expect(draining.status).toBe(503);
    expect(await draining.json()).toMatchObject({ ready: false, reasons: ["draining"] });
    await closed;
    expect(await (await ask("/ready")).json()).toEqual({
      ready: false,
      reasons: ["draining", "memory backplane: the backplane was stopped"],
      degraded: [],
    });
    const health = await ask("/health");
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ status: "healthy", is_running: false });
  });
});

describe("a hub whose backplane is unavailable", () => {
  it("answers 503 to routes that need it, and 200 to the others", async () => {
    const { hub } = await startHub();
    await hub.close();
    const ask = (path: string, init?: RequestInit) =>
      hub.fetch(new Request(`http://localhost${path}`, init), "127.0.0.1");
    const body = JSON.stringify({ type: "chat", to: "bob", user: "bob" });
    const answers = [
      await ask("/ws/message", { method: "POST", body }),
      await ask("/users"),
      await ask("/nodes"),
      await ask("/groups/g1/members", { method: "POST", body }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ error: { code: "unavailable" } });
    }
    expect(await (await ask("/stats")).json()).toMatchObject({ connections: 0, cluster: null });
    expect(await (await ask("/metrics")).text()).toContain("\ntidings_backplane_up 0\n");
  });
});

describe("GET /stats", () => {
  it("counts what the node does", async () => {
    const running = await startHub({ node: { id: "n1" } });
    await connectPeer(running.url({ user_id: "a" }));
    await connectPeer(running.url({ user_id: "a" }));
    await running.hub.broadcast({ type: "news" });
    await running.hub.user("a").send({ type: "chat", ephemeral: true });
    await running.hub.user("b").send({ type: "chat" });
    const { body } = await call(running, "/stats");
    expect(body).toMatchObject({
      node: "n1",
      draining: false,
      connections: 2,
      cluster: { users: 1, connections: 2 },
      pending: { messages: expect.any(Number), bytes: expect.any(Number) },
      waiting: 0,
      published: { stored: 2, ephemeral: 1 },
      publishErrors: 0,
      delivered: 4,
      dropped: 0,
    });
    expect(body.uptimeSeconds).toBeGreaterThan(0);
    expect(body.memory).toEqual({ rss: expect.any(Number), heapUsed: expect.any(Number) });
    const ms = expect.any(Number);
    expect(body.loopDelay).toEqual({ p50: ms, p90: ms, p99: ms, max: ms });
    expect(Object.keys((await call(running, "/ws/stats")).body)).toEqual(Object.keys(body));
  });
});

describe("GET /nodes", () => {
  it("lists the node with its address", async () => {
    const running = await startHub({ node: { id: "n1", ip: "10.0.0.7" } });
    await connectPeer(running.url({ user_id: "a" }));
    expect((await call(running, "/nodes")).body).toEqual([
      {
        id: "n1",
        ip_address: "10.0.0.7",
        port: running.at.port,
        status: "active",
        connections: 1,
        ageMs: 0,
      },
    ]);
  });
});

describe("POST /tokens", () => {
  const secret = "a secret of at least thirty-two bytes";
  const headers = { "x-api-key": API_KEY };

  it("mints a token with which the user can connect", async () => {
    const running = await startHub({ jwt: { secret }, apiKey: API_KEY });
    const before = Math.floor(Date.now() / 1_000);
    const body = { user: "bob", expiresInSeconds: 600, platform: "ios" };
    const answer = await call(running, "/tokens", { body, headers });
    expect(answer.status).toBe(200);
    expect(answer.body.expiresAt).toBeGreaterThanOrEqual((before + 600) * 1_000);
    const { token, expiresAt } = answer.body;
    const peer = await connectPeer(running.url({ token: String(token) }));
    expect(peer.frames[0]).toMatchObject({ user: "bob", platform: "ios", expiresAt });
  });

  it("mints a token for one hour by default, and for the configured time", async () => {
    for (const [lifetime, seconds] of [
      [undefined, 3_600],
      [600, 600],
    ] as const) {
      const running = await startHub({ jwt: { secret, lifetime }, apiKey: API_KEY });
      const before = Math.floor(Date.now() / 1_000);
      const { body } = await call(running, "/tokens", { body: { user: "bob" }, headers });
      expect(body.expiresAt).toBeGreaterThanOrEqual((before + seconds) * 1_000);
      expect(body.expiresAt).toBeLessThanOrEqual(Date.now() + seconds * 1_000);
    }
  });

  it("mints a token without expiry only when logins may do without", async () => {
    const body = { user: "bob", expiresInSeconds: null };
    const strict = await startHub({ jwt: { secret }, apiKey: API_KEY });
    expect(await call(strict, "/tokens", { body, headers })).toMatchObject({ status: 400 });
    const lax = await startHub({ jwt: { secret, requireExpiry: false }, apiKey: API_KEY });
    const answer = await call(lax, "/tokens", { body, headers });
    expect(Object.keys(answer.body)).toEqual(["token"]);
    await connectPeer(lax.url({ token: String(answer.body.token) }));
  });

  it.each([1e300, 2_592_001, Number.MAX_VALUE])("refuses a lifetime of %d s", async (expiresInSeconds) => {
    const running = await startHub({ jwt: { secret }, apiKey: API_KEY });
    const answer = await call(running, "/tokens", { body: { user: "bob", expiresInSeconds }, headers });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      error: { message: expect.stringContaining("at most 2592000 (jwt.maxLifetime)") },
    });
  });

  it("answers 404 when the server has no key to sign with", async () => {
    const running = await startHub({ auth: developmentAuth() });
    const { status, body } = await call(running, "/tokens", { body: { user: "bob" } });
    expect(status).toBe(404);
    expect(body).toMatchObject({ error: { message: expect.stringContaining("JWT_SECRET") } });
  });

  it.each([{}, { user: "" }, { user: "bob", expiresInSeconds: 0 }, { user: "bob", expiresInSeconds: "1h" }])(
    "refuses %j",
    async (body) => {
      const running = await startHub({ auth: jwt({ secret }), apiKey: API_KEY });
      expect((await call(running, "/tokens", { body, headers })).status).toBe(400);
    },
  );
});

describe("POST /debug/profile", () => {
  it("answers with a CPU profile, one at a time", async () => {
    const running = await startHub();
    const path = "/debug/profile?seconds=1";
    const both = await Promise.all([
      call(running, path, { method: "POST" }),
      call(running, path, { method: "POST" }),
    ]);
    const [taken, refused] = both.sort((one, other) => one.status - other.status);
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ error: { code: "conflict" } });
    expect(taken.status).toBe(200);
    expect(taken.headers.get("content-disposition")).toMatch(/\.cpuprofile"$/);
    expect(taken.body).toMatchObject({ nodes: expect.any(Array), samples: expect.any(Array) });
  });

  it("ends when the request is aborted", async () => {
    const running = await startHub();
    const caller = new AbortController();
    const init = { method: "POST", signal: caller.signal };
    const retry = () => call(running, "/debug/profile?seconds=1", { method: "POST" });
    let abandoned: Promise<unknown> | undefined;
    await eventually("the profile runs", async () => {
      // When the retry arrives first, this request is refused instead.
      abandoned = fetch(`${running.at.url}/debug/profile?seconds=60`, init).catch(() => undefined);
      return (await retry()).status === 409;
    });
    caller.abort();
    await abandoned;
    await eventually("the next profile is taken", async () => (await retry()).status === 200);
  });

  it.each(["0", "61", "1.5", "x", ""])("refuses %j seconds", async (seconds) => {
    const running = await startHub();
    const { status } = await call(running, `/debug/profile?seconds=${seconds}`, { method: "POST" });
    expect(status).toBe(400);
  });
});

describe("an unknown route", () => {
  it.each([
    ["GET", "/nope"],
    ["PUT", "/nope"],
    ["GET", "/users/"],
  ])("answers 404 with a message: %s %s", async (method, path) => {
    const running = await startHub();
    const { status, body } = await call(running, path, { method });
    expect(status).toBe(404);
    const message = `there is no ${method} ${path}: /openapi.json lists all routes`;
    expect(body).toEqual({ error: { code: "not_found", message } });
  });

  it("answers 426 at the path of WebSockets", async () => {
    const running = await startHub();
    const { status, headers, body } = await call(running, "/ws");
    expect(status).toBe(426);
    expect(headers.get("upgrade")).toBe("websocket");
    expect(body).toMatchObject({ error: { message: expect.stringContaining("WebSockets") } });
  });

  it("moves with the path of WebSockets", async () => {
    const running = await startHub({ path: "/live" });
    expect((await call(running, "/live/stats")).status).toBe(200);
    expect((await call(running, "/live/message", { body: { to: "a", type: "chat" } })).status).toBe(200);
    expect((await call(running, "/ws/stats")).status).toBe(404);
  });
});
