import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { startHub } from "../../support/hub.ts";
import { connectPeer, Peer } from "../../support/peer.ts";
import { metricsOf } from "./scrape.ts";

const whitelistCIDRs: string[] = [];

interface Refusal {
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;
  readonly error: unknown;
}

/** The HTTP answer to an upgrade that is refused. */
async function refusalOf(peer: Peer): Promise<Refusal> {
  const [, response] = await once(peer.socket, "unexpected-response");
  let body = "";
  for await (const chunk of response) body += chunk;
  peer.socket.terminate();
  const { statusCode: status, headers } = response;
  return { status, retryAfter: headers["retry-after"], error: JSON.parse(body).error };
}

describe("connects", () => {
  it("of one address beyond the rate get 429 and the time to wait, and those of others are admitted", async () => {
    const running = await startHub({ limits: { connectsPerAddress: "2-M", whitelistCIDRs } });
    const from = (localAddress: string): Peer => new Peer(running.url({ user_id: "a" }), { localAddress });
    for (let n = 0; n < 2; n++)
      await connectPeer(running.url({ user_id: "a" }), { localAddress: "127.0.0.7" });
    const { status, retryAfter, error } = await refusalOf(from("127.0.0.7"));
    expect([status, error]).toEqual([
      429,
      {
        code: "rate_limited",
        message: expect.stringContaining("too many connects from one address"),
        retryAfterMs: expect.any(Number),
      },
    ]);
    expect(Number(retryAfter)).toBeGreaterThan(30);
    await connectPeer(running.url({ user_id: "a" }), { localAddress: "127.0.0.8" });
    expect((await metricsOf(running)).denied.connects_address).toBe(1);
  });

  it("behind a trusted proxy count by the client's own address, and a forged one changes nothing", async () => {
    const { url } = await startHub({
      jwt: { secret: "a secret of at least thirty-two bytes" },
      auth: { mode: "token", authenticate: async () => ({ user: "a" }) },
      trustProxy: ["127.0.0.1"],
      limits: { connectsPerAddress: "1-M", whitelistCIDRs },
    });
    const as = (way: string) => ({ headers: { "x-forwarded-for": way } });
    await connectPeer(url({ token: "t" }), as("198.51.100.7"));
    for (const way of ["198.51.100.7", "203.0.113.1, 198.51.100.7", "198.51.100.7, 127.0.0.1"]) {
      expect((await refusalOf(new Peer(url({ token: "t" }), as(way)))).status).toBe(429);
    }
    await connectPeer(url({ token: "t" }), as("198.51.100.8"));
    // A customer's network of IPv6 counts as one client.
    await connectPeer(url({ token: "t" }), as("2001:db8:0:7::1"));
    expect((await refusalOf(new Peer(url({ token: "t" }), as("2001:db8:0:7:ffff::2")))).status).toBe(429);
    await connectPeer(url({ token: "t" }), as("2001:db8:0:8::1"));
  });

  it("of an address that goes on after its refusals get no answer, nor do its HTTP requests; others do", async () => {
    const running = await startHub({
      limits: { connectsPerAddress: "1-H", refusalsPerAddress: "2-H", whitelistCIDRs },
    });
    const { at, url } = running;
    const eve = { localAddress: "127.0.0.7" };
    const first = await connectPeer(url({ user_id: "eve" }), eve);
    for (let n = 0; n < 2; n++) {
      expect((await refusalOf(new Peer(url({ user_id: "eve" }), eve))).status).toBe(429);
    }
    for (const path of ["/ws?user_id=eve", "/users"]) {
      const socket = connect({ host: at.host, port: at.port, ...eve });
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      const [error] = await once(socket, "error");
      expect(error).toMatchObject({ code: "ECONNRESET" });
    }
    // Open connections go on.
    await first.caughtUp();
    await connectPeer(url({ user_id: "bob" }), { localAddress: "127.0.0.8" });
    expect((await metricsOf(running)).denied.connects_address).toBe(4);
  });

  it("of a client behind a trusted proxy are always answered, because others are behind it too", async () => {
    const { url } = await startHub({
      jwt: { secret: "a secret of at least thirty-two bytes" },
      auth: { mode: "token", authenticate: async () => ({ user: "a" }) },
      trustProxy: ["127.0.0.7"],
      limits: { connectsPerAddress: "1-H", refusalsPerAddress: "1-H", whitelistCIDRs },
    });
    const through = (way: string) => ({ localAddress: "127.0.0.7", headers: { "x-forwarded-for": way } });
    // A request of the proxy itself, too.
    for (const way of ["198.51.100.7", "127.0.0.7"]) {
      await connectPeer(url({ token: "t" }), through(way));
      for (let n = 0; n < 3; n++) {
        expect((await refusalOf(new Peer(url({ token: "t" }), through(way)))).status).toBe(429);
      }
    }
  });

  it("of one address at once are admitted one after the other, and leave room for those of others", async () => {
    const { url } = await startHub({ limits: { whitelistCIDRs }, websocket: { maxConnectionsPerUser: 400 } });
    let admitted = 0;
    const enter = async (): Promise<void> => {
      await connectPeer(url({ user_id: "a" }), { localAddress: "127.0.0.7" });
      admitted++;
    };
    // All come at one moment, also on a slow machine: the last one has to wait for 3.8 s.
    const moment = performance.now();
    const clock = vi.spyOn(performance, "now").mockReturnValue(moment);
    const crowd = Array.from({ length: 400 }, enter);
    await connectPeer(url({ user_id: "bob" }), { localAddress: "127.0.0.8" });
    clock.mockRestore();
    expect(admitted).toBeLessThan(400);
    await Promise.all(crowd);
  });

  it("beyond the rate of the node get 503 and the time to wait; who is connected goes on", async () => {
    const running = await startHub({ overload: { connectsPerNode: "2-M" } });
    const peers = [
      await connectPeer(running.url({ user_id: "a" })),
      await connectPeer(running.url({ user_id: "b" })),
    ];
    const { status, retryAfter } = await refusalOf(new Peer(running.url({ user_id: "c" })));
    expect([status, Number(retryAfter) >= 2]).toEqual([503, true]);
    for (const peer of peers) await peer.caughtUp();
    const { denied, allowed } = await metricsOf(running);
    expect([allowed.connects_node, denied.connects_node]).toEqual([2, 1]);
  });
});

describe("logins", () => {
  it("of one user beyond the rate are refused with a notice and 4006, in the URL and by message", async () => {
    const { url } = await startHub({ limits: { loginsPerUser: "1-M" } });
    await connectPeer(url({ user_id: "eve" }));
    const inUrl = new Peer(url({ user_id: "eve" }));
    expect((await inUrl.closed).code).toBe(4006);
    expect(inUrl.frames).toMatchObject([{ code: "rate_limited", reconnectMs: expect.any(Number) }]);
    const peer = new Peer(url());
    await once(peer.socket, "open");
    peer.send({ id: 1, action: "robot.login", data: { user_id: "eve" } });
    expect(await peer.closed).toMatchObject({
      code: 4006,
      reason: expect.stringContaining("logins of one user"),
    });
    const [reply, notice] = peer.frames;
    expect(reply).toMatchObject({ id: 1, error: { code: "rate_limited", retryAfterMs: expect.any(Number) } });
    expect(notice).toMatchObject({ event: "notice", code: "rate_limited", reconnectMs: expect.any(Number) });
    await connectPeer(url({ user_id: "bob" }));
  });

  it("of one address beyond the rate are refused before the credentials are verified", async () => {
    let asked = 0;
    const { url } = await startHub({
      auth: {
        mode: "token",
        async authenticate({ token = "" }) {
          asked++;
          return { user: token };
        },
      },
      limits: { loginsPerAddress: "2-M", whitelistCIDRs },
    });
    for (const token of ["a", "b"]) await connectPeer(url({ token }));
    expect((await new Peer(url({ token: "c" })).closed).code).toBe(4006);
    expect(asked).toBe(2);
  });
});
