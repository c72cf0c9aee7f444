import { createServer } from "node:http";
import express from "express";
import { describe, expect, it } from "vitest";
import {
  createRateLimiter,
  expressMiddleware,
  memoryStore,
  type RateLimiterOptions,
  type RateStore,
} from "../../../src/limit/limit.ts";
import { SERVERS, serve } from "./servers.ts";

/** A store that answers later, as one in another process does. */
const later = (): RateStore => {
  const store = memoryStore();
  return { take: async (key, rate) => store.take(key, rate) };
};

describe.each(Object.entries(SERVERS))("the middleware for %s", (_, make) => {
  const start = async (options: RateLimiterOptions) => {
    const limiter = createRateLimiter(options);
    return { limiter, get: await serve(await make(limiter)) };
  };

  it.each([
    ["in memory", "memory"],
    ["that answers later", later],
  ] as const)("lets requests pass and refuses, with a store %s", async (_, store) => {
    const { get } = await start({ rate: "2-H", store });
    const answers = [await get("/a"), await get("/a"), await get("/a")];
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [200, "ok"],
      [200, "ok"],
      [429, '{"error":"Too Many Requests"}'],
    ]);
    const [first, , last] = answers;
    expect(first?.headers).toMatchObject({
      "x-ratelimit-limit": "2",
      "x-ratelimit-remaining": "1",
      "x-ratelimit-reset": "3600",
      "ratelimit-policy": expect.stringMatching(/^".+";q=2;w=3600$/),
      ratelimit: expect.stringMatching(/^".+";r=1;t=3600$/),
    });
    expect(first?.headers["retry-after"]).toBeUndefined();
    expect(last?.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "x-ratelimit-remaining": "0",
      "retry-after": "3600",
    });
  });

  it("answers with the configured status and message, and without fields when they are off", async () => {
    const { get } = await start({
      rate: "1-H",
      addHeaders: false,
      denyStatus: 503,
      denyMessage: 'Later "please"',
    });
    const answers = [await get("/a"), await get("/a")];
    expect(answers.map(({ status }) => status)).toEqual([200, 503]);
    expect(JSON.parse(answers[1]?.body ?? "")).toEqual({ error: 'Later "please"' });
    for (const { headers } of answers) {
      expect(Object.keys(headers).filter((field) => /ratelimit|retry/.test(field))).toEqual([]);
    }
  });

  it("finds a route's rate in the target, whatever its spelling", async () => {
    const { get } = await start({
      rate: "50-H",
      perRouteRates: { "/api/heavy": "1-H" },
      skipPaths: ["/static/"],
    });
    expect((await get("/api/heavy?x=1")).status).toBe(200);
    for (const target of ["/api/heavy", "/API/heavy/", "/x/../api/heavy", "//api/heavy", "/api/h%65avy"]) {
      expect((await get(target)).status).toBe(429);
    }
    expect((await get("/static/app.js")).headers["x-ratelimit-limit"]).toBeUndefined();
    expect((await get("/static/../api/heavy")).status).toBe(429);
  });

  it("counts the address of the socket, and believes no header", async () => {
    const { get } = await start({ rate: "1-H" });
    expect((await get("/a", { "x-forwarded-for": "1.1.1.1" })).status).toBe(200);
    expect((await get("/a", { "x-forwarded-for": "2.2.2.2" })).status).toBe(429);
  });

  it("counts the last address that is no trusted proxy", async () => {
    const { get } = await start({ rate: "1-H", trustProxy: ["127.0.0.1", "10.0.0.0/8"] });
    expect((await get("/a", { "x-forwarded-for": "203.0.113.1, 10.0.0.1" })).status).toBe(200);
    expect((await get("/a", { "x-forwarded-for": "203.0.113.2, 10.0.0.1" })).status).toBe(200);
    expect((await get("/a", { "x-forwarded-for": "9.9.9.9, 203.0.113.1, 10.0.0.2" })).status).toBe(429);
  });

  it("counts the value of a header", async () => {
    const { get } = await start({ rate: "1-H", identifier: "header", headerName: "X-Tenant" });
    expect((await get("/a", { "x-tenant": "one" })).status).toBe(200);
    expect((await get("/a", { "x-tenant": "two" })).status).toBe(200);
    expect((await get("/a", { "x-tenant": "one" })).status).toBe(429);
  });

  it("counts the user of the application, and survives its function", async () => {
    const { get } = await start({ rate: "1-H", identifier: "user" });
    expect((await get("/a", { "x-user": "alice" })).status).toBe(200);
    expect((await get("/a", { "x-user": "bob" })).status).toBe(200);
    expect((await get("/a", { "x-user": "alice" })).status).toBe(429);
    expect((await get("/a", { "x-user": "broken" })).status).toBe(500);
    expect((await get("/a", { "x-user": "carol" })).status).toBe(200);
  });

  it("follows a new configuration at the next request", async () => {
    const { get, limiter } = await start({ rate: "1-H" });
    await get("/a");
    expect((await get("/a")).status).toBe(429);
    limiter.updateConfig({ rate: "2-H" });
    expect((await get("/a")).status).toBe(200);
    limiter.updateConfig({ rate: "2-H", denyStatus: 418 });
    expect((await get("/a")).status).toBe(418);
  });

  it("answers 503 while the store fails, if it is to refuse", async () => {
    const store: RateStore = {
      take: () => Promise.reject(new Error("broken")),
    };
    const denying = await start({ rate: "1-H", store, onStoreError: "deny" });
    expect(await denying.get("/a")).toMatchObject({ status: 503, body: '{"error":"Service Unavailable"}' });
    const allowing = await start({ rate: "1-H", store });
    expect(await allowing.get("/a")).toMatchObject({ status: 200, body: "ok" });
  });
});

describe.each(["Fastify", "Hono"])("the middleware for %s", (name) => {
  it("knows the router's patterns", async () => {
    const limiter = createRateLimiter({
      rate: "1-H",
      perRouteRates: { "/users/:id": "2-H" },
      identifier: "ip+route",
    });
    const server = await SERVERS[name]?.(limiter);
    const get = await serve(server ?? expect.fail(`no server ${name}`));
    const statuses = [];
    for (const path of ["/users/1", "/users/2", "/users/3", "/other/1", "/other/2"]) {
      statuses.push((await get(path)).status);
    }
    expect(statuses).toEqual([200, 200, 429, 200, 429]);
  });
});

describe("the middleware for Express", () => {
  it("knows the pattern when it belongs to a route, and the whole path below a mounted router", async () => {
    const limiter = createRateLimiter({
      rate: "9-H",
      perRouteRates: { "/api/users/:id": "1-H", "/api/heavy": "1-H" },
    });
    const app = express();
    const router = express.Router();
    router.get("/users/:id", expressMiddleware(limiter), (_, response) => {
      response.send("ok");
    });
    router.get("/heavy", (_, response) => {
      response.send("ok");
    });
    app.use("/api/heavy", expressMiddleware(limiter));
    app.use("/api", router);
    const get = await serve(createServer(app));
    expect([(await get("/api/users/1")).status, (await get("/api/users/2")).status]).toEqual([200, 429]);
    expect([(await get("/api/heavy")).status, (await get("/api/heavy")).status]).toEqual([200, 429]);
  });
});
