import { once } from "node:events";
import { Writable } from "node:stream";
import { type Level, type Logger, pino } from "pino";
import { describe, expect, it } from "vitest";
import { type Authenticator, type HubOptions, resolveConfig } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { API_KEY } from "../../support/keys.ts";
import { connectPeer, Peer } from "../../support/peer.ts";
import { call } from "../http/call.ts";

const trustProxy = ["127.0.0.1"];
/** As the last proxy sends it: what the client claims, the client, and the proxy before the last. */
const THROUGH = { "x-forwarded-for": "203.0.113.9, 198.51.100.7, 127.0.0.1" };

/** An authenticator that remembers whom it was asked about. */
function remembering(): { auth: Authenticator; addresses: (string | undefined)[] } {
  const addresses: (string | undefined)[] = [];
  const auth: Authenticator = {
    mode: "token",
    async authenticate({ token = "", address }) {
      addresses.push(address);
      return { user: token };
    },
  };
  return { auth, addresses };
}

/** A logger whose lines a test reads. */
function remembered(level: Level): { logger: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return { logger: pino({ level }, stream), lines };
}

describe("behind a trusted proxy the address of the client", () => {
  it("is what authenticator, hooks, policy, middleware and log get", async () => {
    const { auth, addresses } = remembering();
    const { logger, lines } = remembered("info");
    const { hub, url } = await startHub({ auth, trustProxy, logger });
    const seen: Record<string, string | undefined> = {};
    hub.on("connect", ({ connection, request }) => {
      seen.connect = connection.address;
      seen.request = request.ip;
    });
    for (const stage of ["message", "disconnect"] as const) {
      hub.on(stage, ({ connection }) => {
        seen[stage] = connection.address;
      });
    }
    hub.authorize(({ verb, connection }) => {
      seen[verb] = connection.address;
      return true;
    });
    hub.use(({ connection }, next) => {
      seen.middleware = connection.address;
      return next();
    });
    const peer = await connectPeer(url({ token: "alice" }), { headers: THROUGH });
    await peer.request("group.join", { group: "g" });
    await peer.request("message.history", { channel: "group:g" });
    await peer.request("robot.login", { token: "alice" });
    peer.send({ id: 1, type: "note", to: "bob" });
    await peer.next(({ id }) => id === 1);
    await peer.close();
    await eventually("the connection has ended", () => seen.disconnect);
    const stages = ["connect", "request", "join", "history", "send", "message", "middleware", "disconnect"];
    expect(seen).toEqual(Object.fromEntries(stages.map((stage) => [stage, "198.51.100.7"])));
    expect(addresses).toEqual(["198.51.100.7", "198.51.100.7"]);
    const about = lines.filter(({ msg }) => msg === "connected" || msg === "disconnected");
    expect(about.map(({ address }) => address)).toEqual(["198.51.100.7", "198.51.100.7"]);
  });

  it("is what the authenticator gets of the request and of a login by message", async () => {
    const { auth, addresses } = remembering();
    const { url } = await startHub({ auth, trustProxy });
    const peer = new Peer(url(), { headers: THROUGH });
    await once(peer.socket, "open");
    await peer.request("robot.login", { token: "alice" });
    peer.end();
    expect(addresses).toEqual(["198.51.100.7", "198.51.100.7"]);
  });
});

describe("X-Forwarded-For of a peer that is no trusted proxy", () => {
  it("is not believed, and the log says once what to set", async () => {
    const { auth, addresses } = remembering();
    const { logger, lines } = remembered("warn");
    const { url } = await startHub({ auth, logger, jwt: undefined });
    for (const user of ["a", "b"]) await connectPeer(url({ token: user }), { headers: THROUGH });
    expect(addresses).toEqual(["127.0.0.1", "127.0.0.1"]);
    expect(lines).toEqual([
      expect.objectContaining({ peer: "127.0.0.1", msg: expect.stringContaining("TRUST_PROXY") }),
    ]);
  });
});

describe("in development mode behind a trusted proxy", () => {
  /** Statuses of an upgrade and of a call with this header. */
  async function statusesWith(options: HubOptions, forwardedFor: string): Promise<unknown[]> {
    const running = await startHub(options);
    const headers = { "x-forwarded-for": forwardedFor };
    const peer = new Peer(running.url({ user_id: "a" }), { headers });
    const upgraded = once(peer.socket, "open").then(() => 101);
    const refused = once(peer.socket, "unexpected-response").then(([, { statusCode }]) => statusCode);
    const status = await Promise.race([upgraded, refused]);
    peer.end();
    return [status, (await call(running, "/stats", { headers })).status];
  }

  it.each(["127.0.0.1", "127.0.0.5, 127.0.0.1"])("a client on this machine is served: %s", async (way) => {
    expect(await statusesWith({ trustProxy }, way)).toEqual([101, 200]);
  });

  it("a client of development.networks is served", async () => {
    const options = { trustProxy, development: { networks: ["172.17.0.0/16"] } };
    expect(await statusesWith({ ...options, host: "127.0.0.1" }, "172.17.0.4")).toEqual([101, 200]);
  });

  it.each(["198.51.100.7", "127.0.0.1, 198.51.100.7", "198.51.100.7, 127.0.0.1", "unknown", ""])(
    "a client elsewhere, or of no address, is refused: %j",
    async (way) => {
      expect(await statusesWith({ trustProxy }, way)).toEqual([403, 403]);
    },
  );

  it("a client on this machine is refused without trustProxy", async () => {
    expect(await statusesWith({}, "127.0.0.1")).toEqual([403, 403]);
  });
});

describe("hub.fetch", () => {
  const request = (): Request => new Request("http://localhost/stats", { headers: THROUGH });

  it("names the caller behind a trusted proxy by the peer's address that it is given", async () => {
    const { hub } = await startHub({ trustProxy, development: { networks: [] } });
    // 198.51.100.7 is not served in development mode.
    expect((await hub.fetch(request(), "127.0.0.1")).status).toBe(403);
    expect((await hub.fetch(new Request("http://localhost/stats"), "127.0.0.1")).status).toBe(200);
  });

  it("believes no header without the peer's address", async () => {
    const { hub } = await startHub({ trustProxy, apiKey: API_KEY });
    expect((await hub.fetch(request())).status).toBe(403);
  });
});

it("trustProxy names networks, in the environment with commas, and never all", () => {
  const { trustProxy: networks } = resolveConfig({ env: { TRUST_PROXY: "10.0.0.0/8, fd00::/8,192.0.2.1" } });
  expect(networks).toEqual(["10.0.0.0/8", "fd00::/8", "192.0.2.1"]);
  for (const bad of ["0.0.0.0/0", "proxy.example", "10.0.0.0/33"]) {
    expect(() => resolveConfig({ env: { TRUST_PROXY: bad } })).toThrow(
      "environment TRUST_PROXY: expected networks of proxies such as 10.0.0.0/8",
    );
  }
});
