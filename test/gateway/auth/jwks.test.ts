import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { jwt } from "../../../src/gateway/auth/jwt.ts";

/** Issuer that publishes its keys over HTTP. */
class Issuer {
  readonly #server: Server;
  #status = 200;
  keys: JWK[] = [];
  fetches = 0;

  constructor() {
    this.#server = createServer((_, response) => {
      this.fetches++;
      response.writeHead(this.#status, { "content-type": "application/json" });
      response.end(JSON.stringify({ keys: this.keys }));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const { port } = this.#server.address() as AddressInfo; // it listens on a port
    return `http://127.0.0.1:${port}/jwks.json`;
  }

  fail(): void {
    this.#status = 500;
  }

  async publish(kid: string, alg: "RS256" | "ES256"): Promise<CryptoKey> {
    const { publicKey, privateKey } = await generateKeyPair(alg);
    this.keys.push({ ...(await exportJWK(publicKey)), kid, alg });
    return privateKey;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const sign = (key: CryptoKey, kid: string, alg: string): Promise<string> =>
  new SignJWT({ sub: "alice" }).setProtectedHeader({ alg, kid }).setExpirationTime("1m").sign(key);

let issuer: Issuer;
let jwksUrl: string;
beforeEach(async () => {
  issuer = new Issuer();
  jwksUrl = await issuer.listen();
});
afterEach(() => issuer.close());

describe("jwt with published keys", () => {
  it("accepts tokens of every published key and fetches the keys once", async () => {
    const rsa = await issuer.publish("rsa-1", "RS256");
    const ec = await issuer.publish("ec-1", "ES256");
    const authenticator = jwt({ jwksUrl });
    const tokens = [
      await sign(rsa, "rsa-1", "RS256"),
      await sign(ec, "ec-1", "ES256"),
      await sign(ec, "ec-1", "ES256"),
    ];
    for (const token of tokens) expect((await authenticator.authenticate({ token })).user).toBe("alice");
    expect(issuer.fetches).toBe(1);
  });

  it("follows a rotation of the keys", async () => {
    const old = await issuer.publish("1", "ES256");
    const authenticator = jwt({ jwksUrl, jwksCooldownMs: 0 });
    const before = await sign(old, "1", "ES256");
    await authenticator.authenticate({ token: before });

    issuer.keys = [];
    const next = await issuer.publish("2", "ES256");
    const after = await sign(next, "2", "ES256");
    expect((await authenticator.authenticate({ token: after })).user).toBe("alice");
    await expect(authenticator.authenticate({ token: before })).rejects.toMatchObject({
      code: "unauthorized",
    });
  });

  it("does not let unknown keys cause a fetch each", async () => {
    await issuer.publish("1", "ES256");
    const { privateKey } = await generateKeyPair("ES256");
    const authenticator = jwt({ jwksUrl });
    for (let attempt = 0; attempt < 5; attempt++) {
      const token = await sign(privateKey, `made-up-${attempt}`, "ES256");
      await expect(authenticator.authenticate({ token })).rejects.toMatchObject({
        code: "unauthorized",
        message: "the token is signed with an unknown key",
      });
    }
    expect(issuer.fetches).toBe(1);
  });

  it("refuses another signer that uses the id of a published key", async () => {
    await issuer.publish("1", "ES256");
    const { privateKey } = await generateKeyPair("ES256");
    const token = await sign(privateKey, "1", "ES256");
    await expect(jwt({ jwksUrl }).authenticate({ token })).rejects.toMatchObject({
      code: "unauthorized",
      message: "the token's signature is not valid",
    });
  });

  it("fetches nothing for an algorithm that is not accepted", async () => {
    const token = await new SignJWT({ sub: "alice" })
      .setProtectedHeader({ alg: "HS256" })
      .sign(new Uint8Array(32));
    await expect(jwt({ jwksUrl }).authenticate({ token })).rejects.toMatchObject({ code: "unauthorized" });
    expect(issuer.fetches).toBe(0);
  });

  it("is unavailable, not unauthorized, while the keys cannot be fetched", async () => {
    const key = await issuer.publish("1", "ES256");
    const token = await sign(key, "1", "ES256");
    issuer.fail();
    const authenticator = jwt({ jwksUrl });
    await expect(authenticator.authenticate({ token })).rejects.toMatchObject({ code: "unavailable" });
    await issuer.close();
    const failure: unknown = await authenticator.authenticate({ token }).catch((error) => error);
    expect(failure).toMatchObject({ code: "unavailable", retryable: true });
    expect(String(failure)).not.toContain(token);
  });
});
