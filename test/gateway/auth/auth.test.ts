import { describe, expect, it } from "vitest";
import { ApiKeys } from "../../../src/gateway/auth/api-key.ts";
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

describe("API keys", () => {
  const keys = new ApiKeys([
    { scope: "admin", key: "hunter2" },
    { scope: "read", key: "hunter3" },
    { scope: "read", key: "hunter4" },
  ]);

  it("have their scopes", () => {
    expect(["hunter2", "hunter3", "hunter4"].map((key) => keys.scopeOf(key))).toEqual([
      "admin",
      "read",
      "read",
    ]);
  });

  it("match nothing else, of whatever length", () => {
    for (const given of ["", "hunter", "hunter22", "HUNTER2", "x".repeat(10_000)]) {
      expect(keys.scopeOf(given)).toBeUndefined();
    }
  });
});
