import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type ConfigSources, resolveConfig } from "../../src/config/config.ts";
import { createHub } from "../../src/index.ts";

const secret = "a secret of at least thirty-two bytes";

function fileWith(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "tidings-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "tidings.yaml"), text);
  return join(directory, "tidings.yaml");
}

describe("jwt without a key", () => {
  it.each<[string, ConfigSources, string]>([
    ["an object whose secret is missing", { code: { jwt: { secret: undefined } } }, "option jwt"],
    ["an empty object", { code: { jwt: {} } }, "option jwt"],
    [
      "an object whose keys are all missing",
      { code: { jwt: { secret: undefined, publicKey: undefined, jwksUrl: undefined } } },
      "option jwt",
    ],
    ["an object without a key", { code: { jwt: { issuer: "me", userClaim: "uid" } } }, "option jwt"],
    ["an empty JWT_SECRET", { env: { JWT_SECRET: "" } }, "environment JWT_SECRET"],
    ["an empty JWT_PUBLIC_KEY", { env: { JWT_PUBLIC_KEY: "" } }, "environment JWT_PUBLIC_KEY"],
    ["an empty JWT_JWKS_URL", { env: { JWT_JWKS_URL: "" } }, "environment JWT_JWKS_URL"],
    ["another variable", { env: { JWT_AUDIENCE: "you" } }, "environment JWT_AUDIENCE"],
    ["a flag", { flags: { "jwt-issuer": "me" } }, "flag --jwt-issuer"],
    ["the content of a file", { file: { jwt: {} } }, "file: jwt"],
  ])("is an error that says what was expected: %s", (_, sources, place) => {
    expect(() => resolveConfig(sources)).toThrow(
      `jwt: expected a value for one of secret, publicKey and jwksUrl, got none (given: ${place})`,
    );
  });

  it("is an error in a file whose keys have no values", () => {
    const file = fileWith("jwt:\n  secret:\n");
    expect(() => resolveConfig({ file })).toThrow(`got none (given: ${file}: jwt)`);
  });

  it("names all the places, and is listed beside other problems", () => {
    const sources = { code: { jwt: {}, port: -1 }, env: { JWT_SECRET: "", JWT_ISSUER: "me" } };
    expect(() => resolveConfig(sources)).toThrow(/2 settings are not valid:\n- option port/);
    expect(() => resolveConfig(sources)).toThrow(
      "(given: option jwt, environment JWT_SECRET, environment JWT_ISSUER)",
    );
  });

  it("is an error of createHub", () => {
    expect(() => createHub({ jwt: { secret: process.env.TIDINGS_NO_SUCH_VARIABLE } })).toThrow("got none");
  });

  it("is an error in a copy of a resolved configuration", () => {
    const config = resolveConfig();
    const jwt = { ...config.jwt, secret: process.env.TIDINGS_NO_SUCH_VARIABLE };
    expect(() => resolveConfig({ code: { ...config, jwt } })).toThrow("got none");
  });

  it("adds no second problem when a key has a bad value", () => {
    expect(() => resolveConfig({ code: { jwt: { secret: "" } } })).toThrow(/^1 setting is not valid/);
  });

  it("is accepted when another source has a key", () => {
    const env = { JWT_SECRET: secret, JWT_PUBLIC_KEY: "" };
    expect(resolveConfig({ code: { jwt: { secret: undefined } }, env }).jwt.secret).toBe(secret);
    expect(resolveConfig({ env, file: { jwt: { issuer: "me" } } }).jwt.issuer).toBe("me");
  });
});

describe("development mode is asked for", () => {
  it.each<[string, ConfigSources]>([
    ["by nothing", {}],
    ["by jwt that is undefined", { code: { jwt: undefined } }],
    ["by a file with the name alone", { file: { jwt: null } }],
    ["by a resolved configuration", { code: resolveConfig() }],
    ["by a part of one", { code: { ...resolveConfig(), port: 1 } }],
    ["by one that was resolved twice", { code: resolveConfig({ code: resolveConfig() }) }],
  ])("%s", (_, sources) => {
    expect(resolveConfig(sources).jwt).toMatchObject({ algorithms: [], userClaim: "sub" });
  });
});
