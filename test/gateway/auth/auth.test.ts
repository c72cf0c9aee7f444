import { describe, expect, it } from "vitest";
import { apiKeyMatches } from "../../../src/gateway/auth/api-key.ts";
import { developmentAuth } from "../../../src/gateway/auth/auth.ts";

describe("developmentAuth", () => {
  it("trusts the user id of the client", async () => {
    expect(developmentAuth().mode).toBe("development");
    expect(await developmentAuth().authenticate({ userId: "alice" })).toEqual({ user: "alice" });
  });

  it("refuses an invalid user id", async () => {
    for (const userId of [undefined, "", "x".repeat(256), "a\u0000b"]) {
      await expect(developmentAuth().authenticate({ userId })).rejects.toMatchObject({
        code: "unauthorized",
      });
    }
    await expect(developmentAuth().authenticate({ token: "alice" })).rejects.toMatchObject({
      code: "unauthorized",
    });
  });

  it("mints nothing", () => {
    expect(developmentAuth().mint).toBeUndefined();
  });
});

describe("apiKeyMatches", () => {
  it("accepts the key and nothing else, of whatever length", () => {
    expect(apiKeyMatches("hunter2", "hunter2")).toBe(true);
    for (const given of [undefined, "", "hunter", "hunter22", "HUNTER2", "x".repeat(10_000)]) {
      expect(apiKeyMatches(given, "hunter2")).toBe(false);
    }
  });
});
