import { describe, expect, it } from "vitest";
import { jwt } from "../../src/gateway/auth/jwt.ts";
import { tidings } from "./run.ts";

const secret = "a secret of thirty-two bytes or more";

describe("tidings token", () => {
  it("prints a token that is valid for one hour", async () => {
    const { code, stdout } = await tidings(["token", "--user", "alice"], { JWT_SECRET: secret });
    expect(code).toBe(0);
    const { user, expiresAt = 0 } = await jwt({ secret }).authenticate({ token: stdout.trim() });
    expect(user).toBe("alice");
    const minutes = (expiresAt - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(50);
    expect(minutes).toBeLessThanOrEqual(60);
  });

  it("applies the lifetime, the platform and the server's JWT settings", async () => {
    const env = { JWT_SECRET: secret, JWT_ISSUER: "me", JWT_AUDIENCE: "us", JWT_ALGORITHMS: "HS512" };
    const args = ["token", "--user", "alice", "--expires", "7d", "--platform", "ios", "--json"];
    const reply = JSON.parse((await tidings(args, env)).stdout);
    const authenticator = jwt({ secret, issuer: "me", audience: "us", algorithms: ["HS512"] });
    const identity = await authenticator.authenticate({ token: reply.token });
    expect(identity).toMatchObject({ user: "alice", platform: "ios", expiresAt: reply.expiresAt });
    expect((reply.expiresAt - Date.now()) / 86_400_000).toBeGreaterThan(6);
  });

  it("creates tokens that never expire, if the server accepts them", async () => {
    const args = ["token", "--user", "robot", "--expires", "never"];
    const refused = await tidings(args, { JWT_SECRET: secret });
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain("jwt.requireExpiry");
    const { stdout } = await tidings(args, { JWT_SECRET: secret, JWT_REQUIRE_EXPIRY: "0" });
    const identity = await jwt({ secret, requireExpiry: false }).authenticate({ token: stdout.trim() });
    expect(identity.expiresAt).toBeUndefined();
  });

  it("creates tokens with grants", async () => {
    const grants = ["join:group:team-*", "join:all", "presence:all", String.raw`send:group:a\*b`];
    const args = ["token", "--user", "alice", ...grants.flatMap((grant) => ["--can", grant])];
    const { stdout } = await tidings(args, { JWT_SECRET: secret });
    const { can } = await jwt({ secret }).authenticate({ token: stdout.trim() });
    expect(can).toEqual({
      join: ["group:team-*", "all"],
      presence: ["all"],
      send: [String.raw`group:a\*b`],
    });
    const wrong = await tidings(["token", "--user", "alice", "--can", "jion:all"], { JWT_SECRET: secret });
    expect(wrong).toMatchObject({ code: 1, stdout: "" });
    expect(wrong.stderr).toContain("such as join:group:team-*");
  });

  it("reports missing and invalid flags", async () => {
    const env = { JWT_SECRET: secret };
    const outcomes = await Promise.all([
      tidings(["token", "--user", "alice"]),
      tidings(["token"], env),
      tidings(["token", "--user", "alice", "--expires", "soon"], env),
      tidings(["token", "--user", "x".repeat(256)], env),
    ]);
    const expected = [
      "set JWT_SECRET",
      "--user <id>",
      "such as 90s, 15m, 1h or 7d",
      "Expected 1–255 well-formed characters",
    ];
    for (const [index, { code, stdout, stderr }] of outcomes.entries()) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toContain(expected[index]);
    }
  });
});
