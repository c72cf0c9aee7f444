import { describe, expect, it } from "vitest";
import { type ConfigInput, resolveConfig } from "../../src/config/config.ts";
import { API_KEY, SECRET } from "../support/keys.ts";

describe.each<[string, ConfigInput]>([
  ["jwt.secret: expected at least 32 bytes", { jwt: { secret: "hunter2hunter2hunter2hunter2hun" } }],
  ["apiKey: expected at least 16 characters", { apiKey: "hunter2hunter2h" }],
  ["apiKeys: expected at least 16 characters", { apiKeys: [`read:${API_KEY}`, "publish:hunter2"] }],
  ["jwt.jwksUrl: expected https:", { jwt: { jwksUrl: "http://login.example/jwks.json?key=hunter2" } }],
  ["jwt.jwksUrl: expected https:", { jwt: { jwksUrl: "http://localhost.example/jwks.json" } }],
])("%s", (problem, input) => {
  it("is an error, which does not print the key", () => {
    expect(() => resolveConfig({ code: input })).toThrow(problem);
    expect(() => resolveConfig({ code: input })).toThrow("(or security.allowWeakKeys)");
    expect(() => resolveConfig({ code: input })).not.toThrow("hunter2");
  });

  it("is accepted with security.allowWeakKeys", () => {
    const config = resolveConfig({ code: { ...input, security: { allowWeakKeys: true } } });
    expect(config.security.allowWeakKeys).toBe(true);
  });
});

it("long keys, and keys from this machine, are accepted", () => {
  const fetched = { jwt: { jwksUrl: "http://[::1]:9000/jwks.json" } };
  for (const input of [{ jwt: { secret: SECRET }, apiKey: API_KEY }, { apiKey: "x".repeat(16) }, fetched]) {
    expect(() => resolveConfig({ code: input })).not.toThrow();
  }
});

it("a token that is made by default does not live longer than the longest lifetime", () => {
  const jwt = { secret: SECRET, lifetime: 61, maxLifetime: 60 };
  expect(() => resolveConfig({ code: { jwt } })).toThrow(
    "jwt.lifetime: expected at most jwt.maxLifetime (60 s), got 61 s",
  );
});
