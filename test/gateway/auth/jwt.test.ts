import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { type JWTPayload, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { type JwtOptions, jwt } from "../../../src/gateway/auth/jwt.ts";
import { type ErrorCode, TidingsError } from "../../../src/protocol/protocol.ts";

const secret = "correct horse battery staple, thirty-two bytes or more";
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");

const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();
const now = (): number => Math.floor(Date.now() / 1000);

/** Signs claims, which expire in a minute unless they say otherwise. */
const sign = (payload: JWTPayload, alg: string, key: KeyObject | Uint8Array): Promise<string> =>
  new SignJWT({ exp: now() + 60, ...payload }).setProtectedHeader({ alg }).sign(key);

const signHs = (payload: JWTPayload): Promise<string> =>
  sign(payload, "HS256", new TextEncoder().encode(secret));

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Error with which a token is refused. Expects that it contains neither the token nor its signature. */
async function refusal(
  options: JwtOptions,
  token: string | undefined,
): Promise<{ code: ErrorCode; message: string }> {
  try {
    await jwt(options).authenticate({ token });
  } catch (error) {
    if (!(error instanceof TidingsError)) throw error;
    const told = `${error.message} ${error.stack} ${String(error.cause)} ${JSON.stringify(error)}`;
    if (token !== undefined && token !== "") expect(told).not.toContain(token);
    const signature = token?.split(".")[2];
    if (signature !== undefined && signature !== "") expect(told).not.toContain(signature);
    return { code: error.code, message: error.message };
  }
  throw new Error("expected the token to be refused");
}

describe("jwt with a secret", () => {
  it("accepts a token and returns its user and expiry", async () => {
    const exp = now() + 60;
    const identity = await jwt({ secret }).authenticate({
      token: await signHs({ sub: "alice", exp, role: "admin" }),
    });
    expect(identity).toEqual({
      user: "alice",
      expiresAt: exp * 1000,
      claims: { sub: "alice", exp, role: "admin" },
    });
  });

  it("refuses a token without exp, unless its login may last for ever", async () => {
    const token = await signHs({ sub: "robot", exp: undefined });
    expect(await refusal({ secret }, token)).toEqual({
      code: "unauthorized",
      message: "the token has no expiry: give it the claim exp",
    });
    const identity = await jwt({ secret, requireExpiry: false }).authenticate({ token });
    expect(identity.expiresAt).toBeUndefined();
  });

  it("takes the user from the configured claim, even a whole number", async () => {
    const byUid = jwt({ secret, userClaim: "uid" });
    expect((await byUid.authenticate({ token: await signHs({ uid: "bob", sub: "x" }) })).user).toBe("bob");
    expect((await byUid.authenticate({ token: await signHs({ uid: 7 }) })).user).toBe("7");
  });

  it("binds the login to the platform that the token names", async () => {
    const identity = await jwt({ secret }).authenticate({
      token: await signHs({ sub: "alice", platform: "ios" }),
    });
    expect(identity.platform).toBe("ios");
  });

  it("refuses a login without a token, whatever else it has", async () => {
    expect(await refusal({ secret }, undefined)).toEqual({
      code: "unauthorized",
      message: "a token is required",
    });
    await expect(jwt({ secret }).authenticate({ userId: "alice" })).rejects.toThrow("a token is required");
  });

  it("refuses a bad signature", async () => {
    const token = await sign({ sub: "alice" }, "HS256", new TextEncoder().encode(`${secret}!`));
    expect(await refusal({ secret }, token)).toEqual({
      code: "unauthorized",
      message: "the token's signature is not valid",
    });
  });

  it("refuses an expired token", async () => {
    const token = await signHs({ sub: "alice", exp: now() - 1 });
    expect(await refusal({ secret }, token)).toEqual({
      code: "token_expired",
      message: "the token has expired",
    });
  });

  it("refuses a token that is not valid yet", async () => {
    const token = await signHs({ sub: "alice", nbf: now() + 60 });
    expect(await refusal({ secret }, token)).toEqual({
      code: "token_expired",
      message: "the token is not valid yet",
    });
  });

  it("refuses alg none, signed or not", async () => {
    const unsigned = `${base64({ alg: "none" })}.${base64({ sub: "alice" })}.`;
    expect((await refusal({ secret }, unsigned)).code).toBe("unauthorized");
    const head = `${base64({ alg: "none" })}.${base64({ sub: "alice" })}`;
    const signature = createHmac("sha256", secret).update(head).digest("base64url");
    expect((await refusal({ secret }, `${head}.${signature}`)).code).toBe("unauthorized");
  });

  it("refuses a header with an extension that must be understood, and more than three parts", async () => {
    const signed = (header: object): string => {
      const text = `${base64({ alg: "HS256", ...header })}.${base64({ sub: "alice", exp: now() + 60 })}`;
      return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
    };
    const plain = signed({ typ: "JWT", kid: "2026" });
    expect((await jwt({ secret }).authenticate({ token: plain })).user).toBe("alice");
    for (const token of [
      signed({ crit: ["rule"], rule: 1 }),
      signed({ crit: ["b64"], b64: false }),
      `${plain}.more`,
    ]) {
      expect((await refusal({ secret }, token)).code).toBe("unauthorized");
    }
  });

  it("refuses an algorithm that is not pinned", async () => {
    const token = await sign({ sub: "alice" }, "HS512", Buffer.from(secret.padEnd(64)));
    expect(await refusal({ secret: secret.padEnd(64) }, token)).toEqual({
      code: "unauthorized",
      message: "the token's algorithm is not accepted",
    });
    const identity = await jwt({ secret: secret.padEnd(64), algorithms: ["HS512"] }).authenticate({ token });
    expect(identity.user).toBe("alice");
  });

  it("refuses a token without a user, and one whose user is not an id", async () => {
    const message =
      "the token's claim sub: expected a user id of 1–255 well-formed characters without control characters";
    for (const sub of [undefined, "", "x".repeat(256), "a\nb"]) {
      expect(await refusal({ secret }, await signHs({ sub }))).toEqual({ code: "unauthorized", message });
    }
    const inherited = await refusal({ secret, userClaim: "constructor" }, await signHs({ sub: "alice" }));
    expect(inherited.code).toBe("unauthorized");
  });

  it("refuses a token that names a tenant, which this version does not have", async () => {
    for (const app of ["shop", 7, null, {}]) {
      expect(await refusal({ secret }, await signHs({ sub: "alice", app }))).toMatchObject({
        code: "unauthorized",
        message: expect.stringContaining("app: expected none"),
      });
    }
    const token = await signHs({ sub: "alice", app: "" });
    expect((await jwt({ secret }).authenticate({ token })).user).toBe("alice");
    expect(() => jwt({ secret, userClaim: "app" })).toThrow("app is reserved");
  });

  it("refuses a platform that is not an id", async () => {
    expect((await refusal({ secret }, await signHs({ sub: "alice", platform: "" }))).code).toBe(
      "unauthorized",
    );
  });

  it("refuses another issuer or audience, or none", async () => {
    const options = { secret, issuer: "https://login.example", audience: "tidings" };
    const good = { sub: "alice", iss: options.issuer, aud: ["tidings", "mail"] };
    expect((await jwt(options).authenticate({ token: await signHs(good) })).user).toBe("alice");
    const otherIssuer = await refusal(options, await signHs({ ...good, iss: "https://evil.example" }));
    expect(otherIssuer.message).toBe("the token's claim iss is not accepted");
    const otherAudience = await refusal(options, await signHs({ ...good, aud: "mail" }));
    expect(otherAudience.message).toBe("the token's claim aud is not accepted");
    expect((await refusal(options, await signHs({ sub: "alice" }))).code).toBe("unauthorized");
  });

  it("refuses a text that is not a token", async () => {
    for (const token of [
      "",
      "no-token",
      "head.claims.signed",
      "....",
      "ey\u0000.é.",
      `${base64(null)}.${base64(null)}.signed`,
      "x".repeat(20_000),
    ]) {
      expect((await refusal({ secret }, token)).code).toBe("unauthorized");
    }
  });
});

describe("jwt with a public key", () => {
  it("accepts RS256 and ES256 from a PEM key", async () => {
    const byRsa = await jwt({ publicKey: pem(rsa.publicKey) }).authenticate({
      token: await sign({ sub: "alice" }, "RS256", rsa.privateKey),
    });
    const byEc = await jwt({ publicKey: pem(ec.publicKey) }).authenticate({
      token: await sign({ sub: "bob" }, "ES256", ec.privateKey),
    });
    expect([byRsa.user, byEc.user]).toEqual(["alice", "bob"]);
  });

  it("accepts EdDSA when it is configured", async () => {
    const token = await sign({ sub: "alice" }, "EdDSA", ed.privateKey);
    const identity = await jwt({ publicKey: pem(ed.publicKey), algorithms: ["EdDSA"] }).authenticate({
      token,
    });
    expect(identity.user).toBe("alice");
  });

  it("refuses a token signed with the public key as an HMAC secret", async () => {
    const publicKey = pem(rsa.publicKey);
    const head = `${base64({ alg: "HS256" })}.${base64({ sub: "alice" })}`;
    const signature = createHmac("sha256", publicKey).update(head).digest("base64url");
    expect(await refusal({ publicKey }, `${head}.${signature}`)).toEqual({
      code: "unauthorized",
      message: "the token's algorithm is not accepted",
    });
  });

  it("refuses a token of another type of key", async () => {
    const token = await sign({ sub: "alice" }, "ES256", ec.privateKey);
    expect((await refusal({ publicKey: pem(rsa.publicKey) }, token)).code).toBe("unauthorized");
  });

  it("does not mint", () => {
    expect(jwt({ publicKey: pem(rsa.publicKey) }).mint).toBeUndefined();
  });
});

describe("the options of jwt", () => {
  it("need exactly one source of keys", () => {
    expect(() => jwt({})).toThrow("expected one of secret, publicKey and jwksUrl");
    expect(() => jwt({ secret: "" })).toThrow("at least one character");
    expect(() => jwt({ secret, publicKey: pem(rsa.publicKey) })).toThrow("got secret and publicKey");
  });

  it("need keys that cannot be guessed, nor be replaced on their way, unless weak ones are allowed", () => {
    const unsafe = [
      { secret: "x".repeat(31) },
      { secret: "1" },
      { jwksUrl: "http://login.example/jwks.json" },
    ];
    for (const options of unsafe) {
      expect(() => jwt(options)).toThrow(
        /^jwt\.(secret: expected at least 32 bytes|jwksUrl: expected https:)/,
      );
      expect(jwt({ ...options, allowWeakKeys: true }).mode).toBe("token");
    }
    for (const jwksUrl of [
      "http://localhost:1/j",
      "http://127.0.0.1/j",
      "http://[::1]:8080/j",
      "https://a/j",
    ]) {
      expect(jwt({ jwksUrl }).mode).toBe("token");
    }
    expect(jwt({ secret: "é".repeat(16) }).mode).toBe("token"); // bytes count, not characters
  });

  it("do not mix secrets with the algorithms of public keys", () => {
    expect(() => jwt({ secret, algorithms: ["HS256", "RS256"] })).toThrow("got RS256");
    expect(() => jwt({ publicKey: pem(rsa.publicKey), algorithms: ["RS256", "HS256"] })).toThrow("got HS256");
  });

  it("need an algorithm that fits the key", () => {
    expect(() => jwt({ publicKey: pem(ed.publicKey) })).toThrow(
      "none of RS256, ES256 fits a key of type ed25519",
    );
    expect(() => jwt({ publicKey: "no key" })).toThrow("expected a public key or certificate in PEM");
  });
});

describe("minting", () => {
  it("makes tokens that are accepted, with their expiry", async () => {
    const authenticator = jwt({
      secret,
      issuer: "me",
      audience: "us",
      userClaim: "uid",
      algorithms: ["HS384"],
    });
    const token = await authenticator.mint?.({ user: "alice", expiresInSeconds: 60, platform: "ios" });
    const identity = await authenticator.authenticate({ token });
    expect(identity).toMatchObject({
      user: "alice",
      platform: "ios",
      claims: { iss: "me", aud: "us", uid: "alice" },
    });
    expect(identity.expiresAt).toBeGreaterThan(Date.now());
    expect(identity.expiresAt).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it("makes tokens for an hour, or for the lifetime in the options", async () => {
    for (const [lifetime, seconds] of [
      [undefined, 3_600],
      [60, 60],
    ] as const) {
      const authenticator = jwt({ secret, lifetime });
      const token = await authenticator.mint?.({ user: "robot" });
      const { expiresAt = 0 } = await authenticator.authenticate({ token });
      expect(expiresAt).toBeLessThanOrEqual(Date.now() + seconds * 1_000);
      expect(expiresAt).toBeGreaterThan(Date.now() + (seconds - 5) * 1_000);
    }
  });

  it("makes tokens without expiry only where they are accepted", async () => {
    const claims = { user: "robot", expiresInSeconds: null };
    await expect(jwt({ secret }).mint?.(claims)).rejects.toThrow("jwt.requireExpiry");
    const lax = jwt({ secret, requireExpiry: false });
    expect((await lax.authenticate({ token: await lax.mint?.(claims) })).expiresAt).toBeUndefined();
  });

  it("makes no tokens beyond the longest lifetime", async () => {
    const { mint } = jwt({ secret, maxLifetime: 100 });
    for (const expiresInSeconds of [101, 1e300, Number.POSITIVE_INFINITY]) {
      await expect(mint?.({ user: "a", expiresInSeconds })).rejects.toThrow("at most 100 (jwt.maxLifetime)");
    }
    expect(await mint?.({ user: "a" })).toEqual(expect.any(String));
    expect(() => jwt({ secret, lifetime: 101, maxLifetime: 100 })).toThrow(
      "expected at most jwt.maxLifetime",
    );
  });

  it("refuses claims that would not be accepted", async () => {
    const { mint } = jwt({ secret });
    for (const claims of [
      { user: "" },
      { user: "x".repeat(256) },
      { user: "alice", platform: "" },
      { user: "alice", expiresInSeconds: 0 },
      { user: "alice", expiresInSeconds: Number.NaN },
    ]) {
      await expect(mint?.(claims)).rejects.toMatchObject({ code: "bad_request" });
    }
  });
});
