import { describe, expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";
import { RawPeer } from "../../support/raw.ts";
import { call } from "./call.ts";

const secret = "a secret of at least thirty-two bytes";
const apiKey = "a key of sixteen bytes";
const withKey = { headers: { "x-api-key": apiKey } };

describe("the headers of answers", () => {
  it.each([
    ["/health", {}],
    ["/ready", {}],
    ["/stats", withKey],
    ["/stats", {}],
    ["/metrics", withKey],
    ["/openapi.json", withKey],
    ["/users", withKey],
    ["/history?channel=all", withKey],
    ["/history?channel=nothing", withKey],
    ["/tokens", { ...withKey, body: { user: "bob" } }],
    ["/ws/message", { ...withKey, body: "nonsense" }],
    ["/ws", {}],
    ["/nowhere", {}],
  ])("keep %s %j from caches, sniffing and referrers", async (path, options) => {
    const running = await startHub({ jwt: { secret }, apiKey });
    const { headers } = await call(running, path, options);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  it("are those of the page for the page", async () => {
    const { headers } = await call(await startHub(), "/dev");
    expect(headers.get("cache-control")).toBe("no-cache");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("are there when an upgrade is refused", async () => {
    const { url } = await startHub();
    const peer = new RawPeer(url({ user_id: "\n" }));
    await peer.closed;
    expect(peer.head).toMatch(/^HTTP\/1\.1 400 [\s\S]*cache-control: no-store\r\n/);
  });
});

describe("CORS", () => {
  const origin = "https://console.example.com";

  it("is closed", async () => {
    const running = await startHub({ jwt: { secret }, apiKey });
    const headers = { origin, "access-control-request-method": "POST" };
    const { headers: got } = await call(running, "/ws/message", { method: "OPTIONS", headers });
    expect([...got.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });

  it("is open to the origins that are set", async () => {
    const running = await startHub({ jwt: { secret }, apiKey, http: { corsOrigins: [origin] } });
    const preflight = await call(running, "/ws/message", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("X-API-Key");
    const stats = await call(running, "/stats", { headers: { origin, ...withKey.headers } });
    expect([stats.status, stats.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
    const other = await call(running, "/stats", { headers: { origin: "https://evil.example" } });
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("what a hub with authentication says without a key", () => {
  const own = { mode: "token", authenticate: async () => ({ user: "bob" }) } as const;

  it.each([
    ["a secret", { jwt: { secret }, apiKey }],
    ["a secret and no key", { jwt: { secret } }],
    ["an authenticator of the application", { auth: own, apiKey }],
  ])("of its health is that it lives, with %s", async (_what, options) => {
    const running = await startHub(options);
    for (const path of ["/health", "/ws/health"]) {
      expect((await call(running, path)).body).toEqual({ status: "healthy", is_running: true });
      const wrong = await call(running, path, { headers: { "x-api-key": "wrong" } });
      expect([wrong.status, wrong.body]).toEqual([200, { status: "healthy", is_running: true }]);
    }
    const description = await call(running, "/openapi.json");
    expect([description.status, description.body]).toMatchObject([401, { error: { code: "unauthorized" } }]);
  });

  it("is more with the key", async () => {
    const running = await startHub({ jwt: { secret }, apiKey, node: { id: "n1" } });
    expect((await call(running, "/health", withKey)).body).toEqual({
      status: "healthy",
      is_running: true,
      websocket_count: 0,
      node_id: "n1",
    });
    expect((await call(running, "/openapi.json", withKey)).status).toBe(200);
  });

  it("is everything in development mode", async () => {
    const running = await startHub({ apiKey, node: { id: "n1" } });
    expect((await call(running, "/health")).body).toMatchObject({ node_id: "n1", websocket_count: 0 });
    expect((await call(running, "/openapi.json")).status).toBe(200);
  });
});
