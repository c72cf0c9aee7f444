import { describe, expect, it } from "vitest";
import type { HubOptions } from "../../../src/index.ts";
import { type Answer, call } from "../../gateway/http/call.ts";
import { startHub } from "../../support/hub.ts";
import { API_KEY } from "../../support/keys.ts";
import { connectPeer } from "../../support/peer.ts";
import { metricsOf } from "./scrape.ts";

const READ_KEY = "an API key of the scope read";
const withKey = { headers: { "x-api-key": API_KEY } };

/** A hub that counts clients of this machine too. */
const hubWith = (limits: HubOptions["limits"], options: HubOptions = {}) =>
  startHub({
    ...options,
    limits: { whitelistCIDRs: [], ...limits, http: { whitelistCIDRs: [], ...limits?.http } },
  });

const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);

describe("the HTTP API over its rate", () => {
  it("answers 429 with code, time and headers, and says on each answer what is left", async () => {
    const running = await hubWith({ http: { rate: "2-H" } });
    const answers = [
      await call(running, "/users"),
      await call(running, "/nodes"),
      await call(running, "/users"),
    ];
    expect(statuses(answers)).toEqual([200, 200, 429]);
    expect(answers.map(({ headers }) => headers.get("x-ratelimit-remaining"))).toEqual(["1", "0", "0"]);
    expect(answers[2]?.body).toEqual({
      error: { code: "rate_limited", message: "Too Many Requests", retryAfterMs: expect.any(Number) },
    });
    expect(Number(answers[2]?.headers.get("retry-after"))).toBeGreaterThan(3_500);
    expect(answers[2]?.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await call(running, "/health")).status).toBe(200);
    const { allowed, denied } = await metricsOf(running);
    expect([allowed.http, denied.http]).toEqual([2, 1]);
  });

  it("follows the configuration: routes, header, status, message, skipped paths, exempt addresses", async () => {
    const running = await hubWith({
      http: {
        rate: "off",
        perRouteRates: { "/users/*": "1-H", "/nodes": "off" },
        ...{ identifier: "header", headerName: "X-Device", addHeaders: false },
        ...{ denyStatus: 503, denyMessage: "later", skipPaths: ["/users/skipped"] },
      },
    });
    const ask = (path: string, device: string) => call(running, path, { headers: { "x-device": device } });
    const path = "/users/bob/connections";
    const answers = [await ask(path, "one"), await ask(path, "one"), await ask(path, "two")];
    expect(statuses(answers)).toEqual([200, 503, 200]);
    expect(answers[1]?.body).toMatchObject({ error: { message: "later" } });
    expect(answers[1]?.headers.get("retry-after")).toBeNull();
    for (let n = 0; n < 3; n++) expect((await ask("/nodes", "one")).status).toBe(200);
    expect((await ask("/users/skipped", "one")).status).toBe(404);
  });

  it("counts a client behind a trusted proxy by its own address", async () => {
    const options = { apiKey: API_KEY, jwt: { secret: "x".repeat(32) }, trustProxy: ["127.0.0.1"] };
    const running = await hubWith({ http: { rate: "1-H", skipPaths: [] } }, options);
    const as = (way: string) => call(running, "/health", { headers: { "x-forwarded-for": way } });
    const answers = [
      await as("198.51.100.7"),
      await as("203.0.113.5, 198.51.100.7"),
      await as("198.51.100.8"),
    ];
    expect(statuses(answers)).toEqual([200, 429, 200]);
  });

  it("does not concern requests with an API key, unless a rate is set for them", async () => {
    const options = { apiKey: API_KEY, apiKeys: [`read:${READ_KEY}`] };
    const exempt = await hubWith({ http: { rate: "1-H" } }, options);
    for (let n = 0; n < 3; n++) expect((await call(exempt, "/stats", withKey)).status).toBe(200);
    expect((await call(exempt, "/stats", withKey)).headers.get("x-ratelimit-limit")).toBeNull();
    const unknown = { headers: { "x-api-key": "an API key that nobody has" } };
    expect([
      (await call(exempt, "/stats", unknown)).status,
      (await call(exempt, "/stats", unknown)).status,
    ]).toEqual([401, 429]);

    const limited = await hubWith({ apiKeyRate: "1-H" }, options);
    const answers = [await call(limited, "/stats", withKey), await call(limited, "/stats", withKey)];
    expect(statuses(answers)).toEqual([200, 429]);
    expect(answers[1]?.body).toMatchObject({
      error: { code: "rate_limited", retryAfterMs: expect.any(Number) },
    });
    expect((await call(limited, "/stats", { headers: { "x-api-key": READ_KEY } })).status).toBe(200);
    expect((await call(limited, "/limits", withKey)).status).toBe(200);
  });
});

describe("PUT /limits", () => {
  const put = (running: Awaited<ReturnType<typeof startHub>>, body: unknown, headers = withKey.headers) =>
    call(running, "/limits", { method: "PUT", body, headers });

  it("changes limits while the hub runs, and {} ends the changes", async () => {
    const running = await startHub({ apiKey: API_KEY, limits: { messagesPerConnection: "5-H" } });
    const peer = await connectPeer(running.url({ user_id: "a" }));
    for (let n = 0; n < 3; n++) expect(await peer.request("robot.ping", n)).toMatchObject({ data: n });
    const changes = { messagesPerConnection: "3-H", http: { rate: "7-S" } };
    const { status, body } = await put(running, changes);
    expect([status, body.changes]).toEqual([200, changes]);
    expect(body.limits).toMatchObject({
      ...changes,
      http: { rate: "7-S", denyStatus: 429 },
      messagesPerUser: "120000-M",
    });
    expect(await peer.request("robot.ping")).toMatchObject({ error: { code: "rate_limited" } });
    expect((await call(running, "/limits", withKey)).body).toEqual(body);
    expect((await put(running, {})).body).toMatchObject({
      changes: {},
      limits: { messagesPerConnection: "5-H" },
    });
    expect(await peer.request("robot.ping", 4)).toMatchObject({ data: 4 });
  });

  it("refuses what is unknown or wrong, says what was expected, and changes nothing", async () => {
    const running = await startHub({ apiKey: API_KEY });
    const before = (await call(running, "/limits", withKey)).body;
    const wrong = { messagesPerUser: "fast", http: { rate: 5 }, messagesPerUsr: "1-S" };
    const { status, body } = await put(running, wrong);
    expect(status).toBe(400);
    const { message } = body.error as { message: string };
    expect(message).toContain("messagesPerUser: expected a rate such as 200-M");
    expect(message).toContain("http.rate: expected a rate such as 200-M");
    expect(message).toContain("messagesPerUsr: unknown, did you mean limits.messagesPerUser?");
    expect((await put(running, [1])).status).toBe(400);
    const twice = await put(running, { http: { perRouteRates: { "/send": "1-S", "/SEND": "2-S" } } });
    expect([twice.status, twice.text]).toEqual([
      400,
      expect.stringContaining("/send and /SEND are one route"),
    ]);
    expect((await call(running, "/limits", withKey)).body).toEqual(before);
  });

  it("replaces the changes of a version only, where it names one", async () => {
    const running = await startHub({ apiKey: API_KEY });
    const { version } = (await call(running, "/limits", withKey)).body;
    const first = await put(running, { messagesPerUser: "7-S", version });
    expect([first.status, first.body.changes]).toEqual([200, { messagesPerUser: "7-S" }]);
    const late = await put(running, { messagesPerUser: "8-S", version });
    expect([late.status, late.body]).toMatchObject([409, { error: { code: "conflict" } }]);
    expect((await call(running, "/limits", withKey)).body).toEqual(first.body);
    const next = { version: first.body.version };
    const both = await Promise.all([
      put(running, { ...next, messagesPerUser: "9-S" }),
      put(running, { ...next, messagesPerUser: "10-S" }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    // The same changes have the same version.
    expect((await put(running, {})).body.version).toBe(version);
  });

  it("needs the scope admin", async () => {
    const running = await startHub({ apiKeys: [`read:${READ_KEY}`] });
    expect((await put(running, {}, { "x-api-key": READ_KEY })).status).toBe(403);
    expect((await call(running, "/limits", { headers: { "x-api-key": READ_KEY } })).status).toBe(403);
  });
});

describe("hub.updateConfig", () => {
  it("replaces the limits of the configuration, under the changes of PUT /limits", async () => {
    const running = await startHub({ apiKey: API_KEY });
    const { hub } = running;
    await call(running, "/limits", { method: "PUT", body: { messagesPerUser: "5-H" }, ...withKey });
    hub.updateConfig({ limits: { messagesPerUser: "6-H", messagesPerConnection: "7-H" } });
    const { body } = await call(running, "/limits", withKey);
    expect(body.limits).toMatchObject({ messagesPerUser: "5-H", messagesPerConnection: "7-H" });
    expect(() => hub.updateConfig({ limits: { messagesPerUser: "x" } })).toThrow(
      "limits.messagesPerUser: expected a rate",
    );
    const other = { port: 1 } as object;
    expect(() => hub.updateConfig(other)).toThrow("port: cannot change while the hub runs");
  });
});
