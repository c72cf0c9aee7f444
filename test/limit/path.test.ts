import { describe, expect, it } from "vitest";
import { GO_CONFIG, limiterAtRest } from "./clock.ts";

describe("a path that can be read in two ways", () => {
  const spellings = [
    "/API/v1/Heavy",
    "/api/v1/heavy/",
    "/api/v1/heavy?x=1",
    "/api/v1/heavy#x",
    "//api//v1/heavy",
    "/./api/v1/heavy",
    "/x/../api/v1/heavy",
    "/api/v1/h%65avy",
    "/api%2Fv1%2fheavy",
    "/api\\v1\\heavy",
    "/api%5cv1/heavy",
    "/x/%2e%2E/api/v1/heavy",
    "/x/..%2fapi/v1/heavy",
    "/%ff/../api/v1/heavy",
    "/api/v1/heavy;x=1",
    "/api/v1/heavy;/../../x",
    "/api/v1/heavy%3Bx",
    "//host/api/v1/heavy",
    "/\\host/api/v1/heavy",
    "http://host/api/v1/heavy",
    "HTTP://user@host:80/api/v1/heavy?x",
  ];

  it.each(spellings)("does not evade a route's rate: %s", async (path) => {
    const { allowed } = limiterAtRest(GO_CONFIG);
    expect(await allowed(10, { path: "/api/v1/heavy" })).toBe(10);
    expect(await allowed(1, { path })).toBe(0);
  });

  it.each(["/files/../api/v1/normal", "/files/%2e%2e/api/v1/normal", "/api/v1/normal;x"])(
    "does not get another route's larger rate: %s",
    async (path) => {
      const { allowed } = limiterAtRest({ rate: "2-M", perRouteRates: { "/api/v1/normal": "100-S" } });
      expect(await allowed(10, { path })).toBe(2);
      expect(await allowed(1, { path: "/files/x" })).toBe(0);
    },
  );

  it.each([
    "/static/../api",
    "/static/..",
    "/static/%2e%2e/api",
    "/static/..%2fapi",
    "/static/..\\api",
    "/static/x/../../api",
    "/static/;/../../api",
    "/static%2f..%2fapi",
    "/health/../api",
    "/healthz",
    "/health/x",
    "/HEALTH",
    "/static",
    "//static/x",
    "/x/../static/app.js",
    "http://host/static/../api",
  ])("is not skipped: %s", async (path) => {
    const { check } = limiterAtRest(GO_CONFIG);
    expect(await check({ path })).toMatchObject({ reason: "rate" });
  });

  it.each([
    "/health",
    "/health?x=/../api",
    "/static/",
    "/static/a/b.js",
    "/static/a/../b.js",
    "http://host/health",
  ])("is skipped when each reading is: %s", async (path) => {
    const { check } = limiterAtRest(GO_CONFIG);
    expect(await check({ path })).toMatchObject({ reason: "skipped" });
  });
});
