import { describe, expect, it } from "vitest";
import { createRateLimiter, type RateLimitConfig, type RateLimiterOptions } from "../../src/limit/limit.ts";

const problemOf = (options: unknown): string => {
  try {
    createRateLimiter(options as RateLimiterOptions);
  } catch (error) {
    expect(error).toMatchObject({ code: "bad_request" });
    return String((error as Error).message);
  }
  throw new Error("was accepted");
};

const RATE_FORM = /expected a rate such as 200-M/;

describe("a configuration", () => {
  it("needs a rate only, and shows all defaults", () => {
    expect(createRateLimiter({ rate: "200-M" }).config).toEqual({
      rate: "200-M",
      perRouteRates: {},
      identifier: "ip",
      headerName: "X-Client-ID",
      whitelistCIDRs: [],
      skipPaths: [],
      addHeaders: true,
      denyStatus: 429,
      denyMessage: "Too Many Requests",
      trustProxy: [],
      ipv6Prefix: 64,
      onStoreError: "allow",
      storeTimeoutMs: 250,
    });
  });

  it("takes undefined for the default", () => {
    const { config } = createRateLimiter({ rate: "1-S", identifier: undefined, denyStatus: undefined });
    expect(config).toMatchObject({ identifier: "ip", denyStatus: 429 });
  });

  it.each([
    ["rate", { rate: undefined }, RATE_FORM],
    ["rate", { rate: "200" }, RATE_FORM],
    ["rate", { rate: 200 }, RATE_FORM],
    ["perRouteRates", { perRouteRates: ["/a"] }, /an object of paths and rates/],
    ['perRouteRates\\["/a"\\]', { perRouteRates: { "/a": "fast" } }, RATE_FORM],
    ['perRouteRates\\["api"\\]', { perRouteRates: { api: "1-S" } }, /a path that begins with \//],
    ['perRouteRates\\["/a\\?b"\\]', { perRouteRates: { "/a?b": "1-S" } }, /a path that begins with \//],
    ["identifier", { identifier: "cookie" }, /ip, user, header or ip\+route/],
    ["headerName", { headerName: "X Client" }, /the name of a header/],
    ["whitelistCIDRs", { whitelistCIDRs: "10.0.0.0/8" }, /a list, each an address or a network/],
    ["whitelistCIDRs\\[1\\]", { whitelistCIDRs: ["10.0.0.0/8", "10.0.0.0/40"] }, /an address or a network/],
    ["skipPaths\\[0\\]", { skipPaths: ["health"] }, /a path that begins with \//],
    ["addHeaders", { addHeaders: "yes" }, /true or false/],
    ["denyStatus", { denyStatus: 200 }, /an HTTP status from 400 to 599/],
    ["denyMessage", { denyMessage: "" }, /a text of at least one character/],
    ["trustProxy\\[0\\]", { trustProxy: ["proxy"] }, /an address or a network/],
    ["trustProxy\\[0\\]", { trustProxy: ["0.0.0.0/0"] }, /not one of all addresses/],
    ["trustProxy\\[0\\]", { trustProxy: ["::/0"] }, /not one of all addresses/],
    ["ipv6Prefix", { ipv6Prefix: 0 }, /a whole number from 1 to 128/],
    ["onStoreError", { onStoreError: "ignore" }, /allow or deny/],
    ["storeTimeoutMs", { storeTimeoutMs: 0 }, /a whole number from 1/],
    ["store", { store: {} }, /memory, a store with take\(key, rate\), or a function that makes one/],
    ["store", { store: () => undefined }, /memory, a store with take\(key, rate\)/],
  ])("names %s when it is wrong, and what was expected", (key, part, expected) => {
    const problem = problemOf({ rate: "1-S", ...part });
    expect(problem).toMatch(new RegExp(`^rate limiter: ${key}: expected `));
    expect(problem).toMatch(expected);
  });

  it("lists everything that is wrong in one error, unknown keys with those that exist", () => {
    const problem = problemOf({ rate: "x", denyStatus: 1, rates: "1-S" });
    for (const part of [
      "rate: expected",
      "denyStatus: expected",
      "rates: unknown, the keys are rate, perRouteRates,",
    ]) {
      expect(problem).toContain(part);
    }
  });

  it("refuses two spellings of one route", () => {
    const perRouteRates = { "/api": "1-S", "/API/": "2-S" };
    expect(problemOf({ rate: "1-S", perRouteRates })).toContain(
      "perRouteRates: /api and /API/ are one route",
    );
  });

  it.each([undefined, null, 1, "200-M"])("refuses %j", (value) => {
    expect(problemOf(value)).toMatch(/rate: expected/);
  });

  it("is not changed by a later change of the object", () => {
    const perRouteRates: Record<string, string> = { "/a": "1-S" };
    const limiter = createRateLimiter({ rate: "1-S", perRouteRates });
    perRouteRates["/a"] = "no rate";
    expect(limiter.config.perRouteRates).toEqual({ "/a": "1-S" });
  });
});

describe("updateConfig", () => {
  it("refuses a bad configuration, and the old one stays in force", () => {
    const limiter = createRateLimiter({ rate: "1-M", denyStatus: 418 });
    const bad = { rate: "1-M", denyStatus: 1 };
    expect(() => limiter.updateConfig(bad)).toThrow("rate limiter: denyStatus: expected an HTTP status");
    expect(() => limiter.updateConfig(undefined as unknown as RateLimitConfig)).toThrow("rate limiter: ");
    expect(limiter.config.denyStatus).toBe(418);
  });

  it("refuses what cannot change", () => {
    const limiter = createRateLimiter({ rate: "1-M" });
    const withStore = { rate: "1-M", store: "memory" };
    expect(() => limiter.updateConfig(withStore)).toThrow("store: cannot change while the limiter runs");
  });

  it("replaces the whole configuration", () => {
    const limiter = createRateLimiter({ rate: "1-M", skipPaths: ["/health"] });
    limiter.updateConfig({ rate: "2-M" });
    expect(limiter.config).toMatchObject({ rate: "2-M", skipPaths: [] });
  });
});
