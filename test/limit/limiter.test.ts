import { describe, expect, it } from "vitest";
import { createRateLimiter, type RateObserver, type RateStore } from "../../src/limit/limit.ts";
import { GO_CONFIG, limiterAtRest } from "./clock.ts";

describe("a limiter", () => {
  it("answers at once when its store is in memory", () => {
    const result = createRateLimiter({ rate: "2-M" }).check({ address: "203.0.113.9" });
    expect(result).toMatchObject({ allowed: true, limit: 2, remaining: 1, retryAfterMs: 0, reason: "rate" });
  });

  it("allows the limit in a window, tells when it ends, and allows as many in the next one", async () => {
    const { check, allowed, clock } = limiterAtRest({ rate: "2-S" });
    expect(await allowed(5)).toBe(2);
    clock.now += 400;
    expect(await check({})).toMatchObject({ allowed: false, remaining: 0, resetMs: 600, retryAfterMs: 600 });
    clock.now += 600;
    expect(await allowed(5)).toBe(2);
  });

  it("does not count what it refused", async () => {
    const { allowed, limiter } = limiterAtRest({ rate: "2-M" });
    await allowed(100);
    limiter.updateConfig({ rate: "5-M" });
    expect(await allowed(100)).toBe(3);
  });

  it("behaves as the configuration of the Go middleware says, to the request", async () => {
    const { allowed, check, clock } = limiterAtRest(GO_CONFIG);
    expect(await allowed(20, { path: "/api/v1/heavy" })).toBe(10);
    expect(await allowed(200, { path: "/api/v1/normal?page=2" })).toBe(100);
    expect(await allowed(300, { path: "/other" })).toBe(200);
    expect(await allowed(20, { path: "/api/v1/heavy", address: "203.0.113.10" })).toBe(10);
    for (const path of ["/health", "/metrics", "/static/app.js", "/static/a%20b.png"]) {
      expect(await check({ path })).toMatchObject({ allowed: true, reason: "skipped" });
    }
    expect(await allowed(500, { path: "/other", address: "10.1.2.3" })).toBe(500);
    expect(await check({ path: "/other", address: "::ffff:10.1.2.3" })).toMatchObject({
      reason: "whitelisted",
    });
    clock.now += 1_000;
    expect(await allowed(20, { path: "/api/v1/heavy" })).toBe(10);
    expect(await allowed(20, { path: "/other" })).toBe(0);
    clock.now += 59_000;
    expect(await allowed(300, { path: "/other" })).toBe(200);
  });
});

describe("identifiers", () => {
  const [alice, bob] = ["203.0.113.1", "203.0.113.2"];

  it("ip: each address has a count, over all routes without a rate of their own", async () => {
    const { allowed } = limiterAtRest({ rate: "3-M", perRouteRates: { "/heavy": "1-M" } });
    expect(await allowed(2, { address: alice, path: "/a" })).toBe(2);
    expect(await allowed(2, { address: alice, path: "/b", route: "/b" })).toBe(1);
    expect(await allowed(2, { address: alice, path: "/heavy" })).toBe(1);
    expect(await allowed(2, { address: bob })).toBe(2);
  });

  it("ip: the addresses of an IPv6 network have one count, /64 by default", async () => {
    const { allowed } = limiterAtRest({ rate: "1-M" });
    expect(await allowed(1, { address: "2001:db8:0:7::1" })).toBe(1);
    expect(await allowed(1, { address: "2001:db8:0:7:ffff::2" })).toBe(0);
    expect(await allowed(1, { address: "2001:db8:0:8::1" })).toBe(1);
    const wide = limiterAtRest({ rate: "1-M", ipv6Prefix: 48 });
    expect(await wide.allowed(1, { address: "2001:db8:0:7::1" })).toBe(1);
    expect(await wide.allowed(1, { address: "2001:db8:0:8::1" })).toBe(0);
  });

  it("ip: an IPv4 address has one count in both forms", async () => {
    const { allowed } = limiterAtRest({ rate: "1-M" });
    expect(await allowed(1, { address: alice })).toBe(1);
    expect(await allowed(1, { address: `::ffff:${alice}` })).toBe(0);
  });

  it("user: each user has a count, and who is not logged in that of the address", async () => {
    const { allowed } = limiterAtRest({ rate: "1-M", identifier: "user" });
    expect(await allowed(1, { user: "alice", address: alice })).toBe(1);
    expect(await allowed(1, { user: "alice", address: bob })).toBe(0);
    expect(await allowed(1, { user: "bob", address: alice })).toBe(1);
    expect(await allowed(2, { address: alice })).toBe(1);
    // A name cannot take the count of an address.
    expect(await allowed(1, { user: `ip:${bob}`, address: bob })).toBe(1);
    expect(await allowed(1, { address: bob })).toBe(1);
  });

  it("header: each value has a count, and requests without it that of the address", async () => {
    const { allowed } = limiterAtRest({ rate: "1-M", identifier: "header" });
    expect(await allowed(2, { header: "client-1" })).toBe(1);
    expect(await allowed(2, { header: "client-2" })).toBe(1);
    expect(await allowed(2, {})).toBe(1);
    expect(await allowed(2, { header: "" })).toBe(0);
  });

  it("header: long values and secrets are in no key", async () => {
    const { check } = limiterAtRest({ rate: "1-M", identifier: "header" });
    expect((await check({ header: "client-1" })).key).toBe("M:*:header:x-client-id:client-1");
    expect((await check({ header: "x".repeat(5_000) })).key.length).toBeLessThan(100);
    const secret = limiterAtRest({ rate: "1-M", identifier: "header", headerName: "X-API-Key" });
    expect((await secret.check({ header: "s3cret" })).key).not.toContain("s3cret");
    expect(await secret.allowed(1, { header: "s3cret" })).toBe(0);
  });

  it("ip+route: each route that the router knows has a count, and all other paths one together", async () => {
    const { allowed, store } = limiterAtRest({ rate: "2-M", identifier: "ip+route" });
    expect(await allowed(3, { path: "/users/1", route: "/users/:id" })).toBe(2);
    expect(await allowed(3, { path: "/users/2", route: "/users/:id" })).toBe(0);
    expect(await allowed(3, { path: "/groups/1", route: "/groups/:id" })).toBe(2);
    let random = 0;
    for (let index = 0; index < 100; index++) random += await allowed(1, { path: `/random-${index}` });
    expect(random).toBe(2);
    expect(store.size).toBe(3);
  });

  it("ip+route: an endless list of patterns does not make an endless list of counts", async () => {
    const { check, store } = limiterAtRest({ rate: "5-M", identifier: "ip+route" });
    for (let index = 0; index < 3_000; index++) await check({ route: `/pattern-${index}` });
    expect(store.size).toBe(1_001);
  });

  it("without an address all have one count", async () => {
    const limiter = createRateLimiter({ rate: "1-M" });
    expect(await limiter.check({})).toMatchObject({ allowed: true });
    expect(await limiter.check({})).toMatchObject({ allowed: false });
  });

  it("names never make one key of two", async () => {
    const { check } = limiterAtRest({
      rate: "9-M",
      identifier: "ip+route",
      perRouteRates: { "/a:ip:x": "9-M" },
    });
    const one = await check({ path: "/a:ip:x" });
    const other = await check({ route: "/a", path: "/b", address: "x" });
    expect(one.key).not.toBe(other.key);
    expect(one.key).toBe("M:/a%3Aip%3Ax:ip:203.0.113.9");
  });
});

describe("rates of routes", () => {
  it("are those of the pattern, the whole path, the longest path with /* at its end, in this order", async () => {
    const { check } = limiterAtRest({
      rate: "1-H",
      perRouteRates: {
        "/users/:id": "2-H",
        "/users/7": "3-H",
        "/users/*": "4-H",
        "/users/7/files/*": "5-H",
        "/*": "6-H",
      },
    });
    const limitOf = async (path: string, route?: string) => (await check({ path, route })).limit;
    expect(await limitOf("/users/7", "/users/:id")).toBe(2);
    expect(await limitOf("/users/7")).toBe(3);
    expect(await limitOf("/users/8")).toBe(4);
    expect(await limitOf("/users/7/files/a/b")).toBe(5);
    expect(await limitOf("/users")).toBe(6);
    expect(await limitOf("/users/7", "/other/:id")).toBe(3);
  });

  it.each(["/café am see", "/caf%C3%A9%20am%20see"])(
    "may have letters of all languages: %s",
    async (path) => {
      const { allowed, check, store } = limiterAtRest({ rate: "1-M", perRouteRates: { [path]: "2-M" } });
      expect(await allowed(5, { path: "/caf%c3%a9%20am%20see" })).toBe(2);
      expect(store.size).toBe(1);
      const skipping = limiterAtRest({ rate: "1-M", skipPaths: [path] });
      expect(await skipping.check({ path: "/caf%C3%A9%20am%20see" })).toMatchObject({ reason: "skipped" });
      expect(await check({ route: path })).toMatchObject({ limit: 2 });
    },
  );

  it("have counts of their own", async () => {
    const { allowed } = limiterAtRest({ rate: "1-M", perRouteRates: { "/a": "2-M", "/b": "2-M" } });
    for (const path of ["/a", "/b"]) expect(await allowed(5, { path })).toBe(2);
  });
});

describe("updateConfig", () => {
  it("keeps the counts of routes whose window length is as before", async () => {
    const { allowed, limiter } = limiterAtRest(GO_CONFIG);
    expect(await allowed(150, { path: "/other" })).toBe(150);
    expect(await allowed(8, { path: "/api/v1/heavy" })).toBe(8);
    expect(await allowed(70, { path: "/api/v1/normal" })).toBe(70);
    limiter.updateConfig({
      ...GO_CONFIG,
      perRouteRates: { "/api/v1/heavy": "10-S", "/api/v1/normal": "60-S" },
    });
    expect(await allowed(100, { path: "/other" })).toBe(50);
    expect(await allowed(10, { path: "/api/v1/heavy" })).toBe(2);
    expect(await allowed(10, { path: "/api/v1/normal" })).toBe(0);
    limiter.updateConfig({ ...GO_CONFIG, perRouteRates: { "/api/v1/heavy": "10-M" } });
    expect(await allowed(20, { path: "/api/v1/heavy" })).toBe(10);
  });

  it("shows no remaining below zero when the limit falls below the count", async () => {
    const { allowed, check, limiter } = limiterAtRest({ rate: "100-M" });
    await allowed(50);
    limiter.updateConfig({ rate: "10-M" });
    expect(await check({})).toMatchObject({ allowed: false, limit: 10, remaining: 0 });
  });
});

describe("headers", () => {
  it("tell limit, remaining, seconds, and the policy of the IETF draft", async () => {
    const { check, allowed, clock } = limiterAtRest({ rate: "2-M", perRouteRates: { '/a"b\\ü': "1-S" } });
    expect((await check({})).headers).toEqual({
      "X-RateLimit-Limit": "2",
      "X-RateLimit-Remaining": "1",
      "X-RateLimit-Reset": "60",
      "RateLimit-Policy": '"default";q=2;w=60',
      RateLimit: '"default";r=1;t=60',
    });
    await allowed(2);
    clock.now += 58_500;
    expect((await check({})).headers).toMatchObject({ RateLimit: '"default";r=0;t=2', "Retry-After": "2" });
    const { headers } = await check({ route: '/a"b\\ü' });
    expect(headers["RateLimit-Policy"]).toBe('"/a\\"b\\\\%C3%BC";q=1;w=1');
  });

  it("are none where nothing was counted", async () => {
    const { check } = limiterAtRest(GO_CONFIG);
    expect((await check({ path: "/health" })).headers).toEqual({});
  });
});

describe("observers", () => {
  it("hear the route and the key of each decision by count", async () => {
    const heard: string[] = [];
    const observer: RateObserver = {
      onAllow: (route, key) => heard.push(`allow ${route} ${key}`),
      onDeny: (route, key) => heard.push(`deny ${route} ${key}`),
    };
    const { allowed } = limiterAtRest({ ...GO_CONFIG, perRouteRates: { "/a": "1-S" }, observer });
    await allowed(2, { path: "/a" });
    await allowed(1, { path: "/b" });
    await allowed(1, { path: "/health" });
    await allowed(1, { path: "/a", address: "10.0.0.1" });
    expect(heard).toEqual([
      "allow /a S:/a:ip:203.0.113.9",
      "deny /a S:/a:ip:203.0.113.9",
      "allow * M:*:ip:203.0.113.9",
    ]);
  });

  it("that throw or reject harm no request and no other observer", async () => {
    let heard = 0;
    const observer: RateObserver[] = [
      {
        onAllow: () => {
          throw new Error("observer");
        },
        onDeny: async () => {
          throw new Error("observer");
        },
      },
      {},
      {
        onAllow: () => {
          heard++;
        },
        onDeny: () => {
          heard++;
        },
      },
    ];
    const warned = new Promise((resolve) => process.once("warning", resolve));
    const { allowed } = limiterAtRest({ rate: "2-M", observer });
    expect(await allowed(5)).toBe(2);
    expect(heard).toBe(5);
    expect(String(await warned)).toContain("an observer of a rate limiter failed");
  });
});

describe("a store", () => {
  it("may be made by a function, and is closed with the limiter", async () => {
    const calls: string[] = [];
    const store: RateStore = {
      take: (key, rate) => {
        calls.push(`${key} ${rate.text}`);
        return { allowed: false, count: 7, resetMs: 1_500 };
      },
      close: () => {
        calls.push("closed");
      },
    };
    const limiter = createRateLimiter({ rate: "7-M", store: () => store });
    expect(await limiter.check({ address: "203.0.113.9" })).toMatchObject({
      allowed: false,
      retryAfterMs: 1_500,
    });
    await limiter.close();
    expect(calls).toEqual(["M:*:ip:203.0.113.9 7-M", "closed"]);
  });
});
