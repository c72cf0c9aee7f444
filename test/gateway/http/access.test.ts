import { describe, expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";
import { API_KEY, SECRET } from "../../support/keys.ts";
import { call, callAs } from "./call.ts";

const OPEN = ["/health", "/ws/health", "/ready", "/openapi.json"];
const CLOSED = ["/stats", "/ws/stats", "/nodes", "/users", "/metrics", "/history?channel=all"];

describe("the API key", () => {
  it.each([
    ["X-API-Key", API_KEY],
    ["Authorization", `Bearer ${API_KEY}`],
    ["Authorization", `bearer ${API_KEY}`],
  ])("opens the API in the header %s: %s", async (name, value) => {
    const running = await startHub({ apiKey: API_KEY, jwt: { secret: SECRET } });
    for (const path of CLOSED) {
      expect((await call(running, path, { headers: { [name]: value } })).status).toBe(200);
    }
  });

  it.each([
    [{}, "send the API key in the header X-API-Key or Authorization: Bearer"],
    [{ "X-API-Key": `${API_KEY.slice(0, -1)}z` }, "the API key is not valid"],
    [{ "X-API-Key": `${API_KEY} more` }, "the API key is not valid"],
    [{ "X-API-Key": "" }, "the API key is not valid"],
    [{ Authorization: "Bearer other" }, "the API key is not valid"],
    [
      { Authorization: "Basic YSBrZXk=" },
      "send the API key in the header X-API-Key or Authorization: Bearer",
    ],
  ])("refuses %j with 401", async (headers, message) => {
    const running = await startHub({ apiKey: API_KEY });
    for (const path of CLOSED) {
      const answer = await call(running, path, { headers });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      expect(answer.body).toEqual({ error: { code: "unauthorized", message } });
    }
  });

  it("is checked before the body is read", async () => {
    const running = await startHub({ apiKey: API_KEY });
    expect((await call(running, "/ws/message", { body: "nonsense" })).status).toBe(401);
  });

  it("is not needed for health checks", async () => {
    const running = await startHub({ apiKey: API_KEY });
    for (const path of OPEN) expect((await call(running, path)).status).toBe(200);
  });

  it("is named in the 401 of a server with authentication and without a key", async () => {
    const running = await startHub({ jwt: { secret: SECRET } });
    for (const path of OPEN.filter((path) => path !== "/openapi.json")) {
      expect((await call(running, path)).status).toBe(200);
    }
    for (const path of [...CLOSED, "/openapi.json"]) {
      const answer = await call(running, path);
      expect(answer.status).toBe(401);
      expect(answer.body).toMatchObject({ error: { message: expect.stringContaining("API_KEY") } });
    }
  });

  it("lifts the host checks of development mode", async () => {
    const running = await startHub({ apiKey: API_KEY });
    const headers = { host: "hub.example", origin: "https://app.example", "x-api-key": API_KEY };
    expect(await callAs(running, "/stats", headers)).toBe(200);
  });
});

describe("development mode without a key", () => {
  it.each(["localhost", "localhost:8080", "127.0.0.1", "127.1.2.3:80", "[::1]:8080"])(
    "answers requests to %s",
    async (host) => {
      const running = await startHub();
      expect(await callAs(running, "/stats", { host })).toBe(200);
    },
  );

  it.each([
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "192.168.1.7:8080",
    "0.0.0.0",
  ])("refuses requests to %s (DNS rebinding)", async (host) => {
    const running = await startHub();
    expect(await callAs(running, "/stats", { host })).toBe(403);
  });

  it.each(["http://localhost:3000", "http://127.0.0.1", "http://[::1]:5173"])(
    "answers pages of %s",
    async (origin) => {
      const running = await startHub();
      expect((await call(running, "/stats", { headers: { origin } })).status).toBe(200);
    },
  );

  it.each(["https://evil.example", "http://localhost.evil.example", "null", "file://"])(
    "refuses pages of %s",
    async (origin) => {
      const running = await startHub();
      const body = new URLSearchParams({ uid: "bob", message: "hi" });
      const answer = await call(running, "/send", { body, headers: { origin } });
      expect(answer.status).toBe(403);
      expect(answer.body).toMatchObject({ error: { code: "forbidden" } });
      expect((await running.hub.history("user:bob")).messages).toEqual([]);
    },
  );

  it.each([undefined, "", "192.168.1.7", "2001:db8::1", { incoming: {} } as unknown as string])(
    "refuses every route but health checks to hub.fetch with the address %j, whatever the Host",
    async (address) => {
      const { hub } = await startHub();
      for (const path of CLOSED) {
        const request = new Request(`http://localhost${path}`, { headers: { host: "localhost" } });
        const response = await hub.fetch(request, address);
        expect(response.status, path).toBe(403);
        const isGiven = typeof address === "string";
        expect(await response.json()).toMatchObject({
          error: { message: expect.stringContaining(isGiven ? "API_KEY" : "hub.fetch(request, address)") },
        });
      }
      const broadcast = new Request("http://localhost/ws/broadcast", {
        method: "POST",
        body: '{"type":"n"}',
      });
      expect((await hub.fetch(broadcast, address)).status).toBe(403);
      expect((await hub.history("all")).messages).toEqual([]);
    },
  );

  it("takes an API key in the place of an address", async () => {
    const { hub } = await startHub({ apiKey: API_KEY });
    const request = new Request("http://hub.example/stats", { headers: { "x-api-key": API_KEY } });
    expect((await hub.fetch(request)).status).toBe(200);
  });

  it("takes the host from the URL of a request without the header Host", async () => {
    const { hub } = await startHub();
    expect((await hub.fetch(new Request("http://localhost/stats"), "127.0.0.1")).status).toBe(200);
    expect((await hub.fetch(new Request("http://evil.example/stats"), "127.0.0.1")).status).toBe(403);
  });
});
