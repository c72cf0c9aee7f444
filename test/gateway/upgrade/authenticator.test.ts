import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { type Authenticator, type Credentials, createHub, TidingsError } from "../../../src/index.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, Peer } from "../../support/peer.ts";

const origins = ["https://app.example"];

/** An authenticator by session cookie, as an application with server-side sessions has it. */
function sessions(asked: Credentials[] = []): Authenticator {
  return {
    mode: "token",
    cookies: true,
    async authenticate(credentials) {
      asked.push(credentials);
      const session = /(?:^|; )sid=([^;]+)/.exec(credentials.request?.headers.cookie ?? "")?.[1];
      if (session === undefined) return undefined;
      if (session !== "good") throw new TidingsError("unauthorized", "the session has ended");
      return { user: "alice" };
    },
  };
}

describe("an application's own authenticator", () => {
  it("gets the request before the upgrade, with a token and without one", async () => {
    const asked: Credentials[] = [];
    const { url } = await startHub({
      auth: {
        mode: "token",
        async authenticate(credentials) {
          asked.push(credentials);
          const name = credentials.request?.headers["x-user"];
          return typeof name === "string" ? { user: name } : undefined;
        },
      },
    });
    const peer = await connectPeer(url({ platform: "ios" }), { headers: { "X-User": "carol" } });
    expect(peer.frames[0]).toMatchObject({ user: "carol", platform: "ios" });
    expect(asked[0]).toMatchObject({
      address: "127.0.0.1",
      request: { url: "/ws?platform=ios", address: "127.0.0.1", headers: { "x-user": "carol" } },
    });
    await connectPeer(url({ token: "t" }), { headers: { "X-User": "dave" } });
    expect(asked[1]).toMatchObject({ token: "t", request: { url: "/ws?token=t" } });
  });

  it.each<[string, () => Promise<undefined>]>([
    ["knows nobody", async () => undefined],
    [
      "wants a token",
      async () => {
        throw new TidingsError("unauthorized", "a token is required");
      },
    ],
  ])(
    "that %s by the request is asked again about the login message, with the request",
    async (_what, first) => {
      const { url } = await startHub({
        auth: {
          mode: "token",
          authenticate: async ({ token, request }) =>
            token === undefined ? first() : { user: `${token} ${request?.headers["x-trace"]}` },
        },
      });
      const peer = new Peer(url(), { headers: { "X-Trace": "7" } });
      await once(peer.socket, "open");
      expect(await peer.request("robot.login", { token: "bob" })).toMatchObject({ data: { user: "bob 7" } });
      await peer.close();
    },
  );

  it("never sees cookies unless it asks for them", async () => {
    const asked: Credentials[] = [];
    const { url } = await startHub({
      auth: {
        mode: "token",
        async authenticate(credentials) {
          asked.push(credentials);
          return { user: "a" };
        },
      },
    });
    await connectPeer(url({ token: "t" }), { headers: { cookie: "sid=good" } });
    expect(asked[0]?.request?.headers.cookie).toBeUndefined();
  });
});

describe("an authenticator by cookies", () => {
  it("logs in by nothing but the cookie", async () => {
    const { url } = await startHub({ auth: sessions(), origins });
    const options = { origin: "https://app.example", headers: { cookie: "theme=dark; sid=good" } };
    expect((await connectPeer(url(), options)).frames[0]).toMatchObject({ user: "alice" });
  });

  it("refuses a session that has ended with 4500 and words", async () => {
    const { url } = await startHub({ auth: sessions(), origins });
    const options = { origin: "https://app.example", headers: { cookie: "sid=old" } };
    expect(await new Peer(url(), options).closed).toEqual({ code: 4500, reason: "the session has ended" });
  });

  it("is not asked for pages of other origins", async () => {
    const asked: Credentials[] = [];
    const { url } = await startHub({ auth: sessions(asked), origins });
    const peer = new Peer(url(), { origin: "https://evil.example", headers: { cookie: "sid=good" } });
    const [, response] = await once(peer.socket, "unexpected-response");
    peer.end();
    expect([response.statusCode, asked]).toEqual([403, []]);
  });

  it("needs origins", () => {
    expect(() => createHub({ auth: sessions(), logLevel: "silent" })).toThrow(/origins: expected the sites/);
  });

  it("waits for a login message without the cookie", async () => {
    const { url } = await startHub({ auth: sessions(), origins });
    const peer = new Peer(url(), { origin: "https://app.example" });
    await once(peer.socket, "open");
    peer.send({ id: 1, action: "robot.login", data: {} });
    expect(await peer.closed).toMatchObject({ code: 4500 });
  });
});
