import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { jwt } from "../../../src/gateway/auth/jwt.ts";
import { shouldReconnect } from "../../../src/protocol/protocol.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, Peer } from "../../support/peer.ts";

/** Issuer that publishes its keys over HTTP. */
class Issuer {
  readonly #server: Server;
  #status = 200;
  #body: string | undefined;
  authorization: string | undefined;
  keys: JWK[] = [];
  fetches = 0;

  constructor() {
    this.#server = createServer(({ headers }, response) => {
      this.fetches++;
      this.authorization = headers.authorization;
      response.writeHead(this.#status, { "content-type": "application/json" });
      response.end(this.#body ?? JSON.stringify({ keys: this.keys }));
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

  /** Answers with this text from now on. */
  answer(body: string): void {
    this.#body = body;
  }

  async publish(kid: string | undefined, alg: "RS256" | "ES256"): Promise<CryptoKey> {
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

const sign = (key: CryptoKey, kid: string | undefined, alg: string): Promise<string> =>
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
      code: "unavailable",
    });
  });

  it("asks clients with a key that is not published yet to try again, and accepts the others meanwhile", async () => {
    const old = await issuer.publish("1", "ES256");
    const authenticator = jwt({ jwksUrl });
    const good = await sign(old, "1", "ES256");
    await authenticator.authenticate({ token: good });
    const { privateKey } = await generateKeyPair("ES256");
    await expect(
      authenticator.authenticate({ token: await sign(privateKey, "2", "ES256") }),
    ).rejects.toMatchObject({ code: "unavailable", retryable: true });
    expect((await authenticator.authenticate({ token: good })).user).toBe("alice");
  });

  it("accepts tokens without kid of each of several keys, as while keys are rotated", async () => {
    const keys = [await issuer.publish(undefined, "ES256"), await issuer.publish(undefined, "ES256")];
    const authenticator = jwt({ jwksUrl });
    for (const key of keys) {
      expect((await authenticator.authenticate({ token: await sign(key, undefined, "ES256") })).user).toBe(
        "alice",
      );
    }
    const { privateKey } = await generateKeyPair("ES256");
    await expect(
      authenticator.authenticate({ token: await sign(privateKey, undefined, "ES256") }),
    ).rejects.toMatchObject({ code: "unauthorized", message: "the token's signature is not valid" });
  });

  it("uses the last known keys while the URL does not answer, or answers with nonsense", async () => {
    const key = await issuer.publish("1", "ES256");
    const authenticator = jwt({ jwksUrl, jwksCooldownMs: 0 });
    const token = await sign(key, "1", "ES256");
    const unknown = await sign((await generateKeyPair("ES256")).privateKey, "2", "ES256");
    await authenticator.authenticate({ token });
    for (const stop of [() => issuer.answer("{}"), () => issuer.fail(), () => issuer.close()]) {
      await stop();
      // An unknown key causes a fetch, which fails.
      await expect(authenticator.authenticate({ token: unknown })).rejects.toMatchObject({
        code: "unavailable",
      });
      expect((await authenticator.authenticate({ token })).user).toBe("alice");
    }
    vi.useFakeTimers({ toFake: ["Date", "performance"], now: Date.now() });
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(3_600_000);
    onTestFinished(() => void vi.useRealTimers());
    const later = await sign(key, "1", "ES256");
    expect((await authenticator.authenticate({ token: later })).user).toBe("alice");
  });

  it("does not fetch for each login while the URL does not answer, and reports it", async () => {
    const key = await issuer.publish("1", "ES256");
    const token = await sign(key, "1", "ES256");
    issuer.fail();
    const reported: Error[] = [];
    const authenticator = jwt({ jwksUrl, report: (error) => reported.push(error) });
    const login = () => authenticator.authenticate({ token }).catch(({ code }) => code);
    expect(await Promise.all(Array.from({ length: 20 }, login))).toEqual(Array(20).fill("unavailable"));
    for (let attempt = 0; attempt < 20; attempt++) expect(await login()).toBe("unavailable");
    expect(issuer.fetches).toBe(1);
    expect(reported.map(({ message }) => message)).toEqual([
      `the keys at ${jwksUrl} cannot be fetched: Expected 200 OK from the JSON Web Key Set HTTP response`,
    ]);
  });

  it("fetches with user and password of the URL, and prints neither", async () => {
    const key = await issuer.publish("1", "ES256");
    const url = `${jwksUrl.replace("http://", "http://app:hunter2%40@")}?key=hunter2`;
    const reported: Error[] = [];
    const authenticator = jwt({ jwksUrl: url, jwksCooldownMs: 0, report: (error) => reported.push(error) });
    await authenticator.authenticate({ token: await sign(key, "1", "ES256") });
    expect(issuer.authorization).toBe(`Basic ${Buffer.from("app:hunter2@").toString("base64")}`);
    const raw = jwt({ jwksUrl: jwksUrl.replace("http://", "http://app:50%@") });
    await raw.authenticate({ token: await sign(key, "1", "ES256") });
    expect(issuer.authorization).toBe(`Basic ${Buffer.from("app:50%").toString("base64")}`);
    issuer.fail();
    await authenticator.authenticate({ token: await sign(key, "2", "ES256") }).catch(() => undefined);
    expect(reported).toHaveLength(1);
    expect(JSON.stringify(reported.map(({ message, stack }) => [message, stack]))).not.toContain("hunter2");
  });

  it("does not let unknown keys cause a fetch each", async () => {
    await issuer.publish("1", "ES256");
    const { privateKey } = await generateKeyPair("ES256");
    const authenticator = jwt({ jwksUrl });
    for (let attempt = 0; attempt < 5; attempt++) {
      const token = await sign(privateKey, `made-up-${attempt}`, "ES256");
      await expect(authenticator.authenticate({ token })).rejects.toMatchObject({
        code: "unavailable",
        message: "the token is signed with a key that is not published (yet)",
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

describe("a hub with published keys", () => {
  it("lets clients with a key that is not published yet come back, and keeps those with the old key", async () => {
    const old = await issuer.publish("1", "ES256");
    const { url } = await startHub({ jwt: { jwksUrl } });
    const good = await sign(old, "1", "ES256");
    const present = await connectPeer(url({ token: good }));
    const { privateKey } = await generateKeyPair("ES256");
    const early = await sign(privateKey, "2", "ES256");

    expect(await Peer.refusal(url({ token: early }))).toBe(503);
    const peer = new Peer(url());
    peer.socket.on("open", () => peer.send({ id: 1, action: "robot.login", data: { token: early } }));
    const { code } = await peer.closed;
    expect([code, shouldReconnect(code)]).toEqual([4004, true]);
    // A renewal keeps its connection.
    expect(await present.request("robot.login", { token: early })).toMatchObject({
      error: { code: "unavailable" },
    });
    await present.caughtUp();
    await connectPeer(url({ token: good }));
  });
});
