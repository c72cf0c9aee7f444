import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { pino } from "pino";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { createHub, developmentAuth, type HubOptions, resolveConfig } from "../../src/index.ts";
import { callAs } from "../gateway/http/call.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { API_KEY, SECRET } from "../support/keys.ts";
import { connectPeer, Peer } from "../support/peer.ts";

const secret = "a secret of at least thirty-two bytes";

/** Header fields by which proxies are known. */
const PROXY_HEADERS: Record<string, string>[] = [
  { forwarded: "for=192.0.2.7" },
  { "x-forwarded-for": "192.0.2.7" },
  { "X-Forwarded-Proto": "https" },
  { "x-forwarded-host": "localhost" },
  { "x-forwarded-anything": "" },
  { "x-real-ip": "127.0.0.1" },
  { Via: "1.1 proxy" },
  { "CF-Connecting-IP": "192.0.2.7" },
  { "true-client-ip": "192.0.2.7" },
];

afterEach(() => vi.unstubAllEnvs());

/** The HTTP status and body with which an upgrade is refused. */
async function refusal(peer: Peer): Promise<[number | undefined, string]> {
  const [, response] = await once(peer.socket, "unexpected-response");
  let body = "";
  for await (const chunk of response) body += chunk;
  peer.socket.terminate();
  return [response.statusCode, body];
}

type TestHub = ReturnType<typeof makeHub>;

function makeHub(options: HubOptions = {}) {
  const hub = createHub({ logLevel: "silent", ...options });
  onTestFinished(() => hub.close());
  return hub;
}

describe("with NODE_ENV=production", () => {
  it.each(["production", " Production "])("a hub without jwt and auth is an error: %j", (value) => {
    vi.stubEnv("NODE_ENV", value);
    for (const options of [{}, { apiKey: "a key of sixteen bytes" }, resolveConfig()]) {
      expect(() => createHub(options)).toThrow(
        "NODE_ENV is production, and nothing verifies who clients are",
      );
    }
    expect(() => createHub()).toThrow(/jwt\.secret \(JWT_SECRET\).*jwt\.publicKey.*jwt\.jwksUrl.*auth/);
  });

  it("a hub starts with a secret or an authenticator", () => {
    vi.stubEnv("NODE_ENV", "production");
    expect(makeHub({ jwt: { secret } }).development).toBe(false);
    expect(makeHub({ auth: { ...developmentAuth(), mode: "token" } }).development).toBe(false);
  });

  it("other values of NODE_ENV require no secret", () => {
    for (const value of ["", "test", "development"]) {
      vi.stubEnv("NODE_ENV", value);
      expect(makeHub().development).toBe(true);
    }
  });
});

describe("an option auth that is no authenticator", () => {
  it.each([undefined, null, {}, { secret: SECRET }, () => "alice"])("is an error: %j", (auth) => {
    const options = { auth } as unknown as HubOptions; // as JavaScript may pass it
    expect(() => createHub(options)).toThrow(/^auth: expected an authenticator such as jwt\(\{ secret \}\)/);
  });
});

describe("the log of a hub", () => {
  const ATTACHED = (hub: TestHub): unknown => hub.attach(createServer());
  const BY_CODE = (hub: TestHub): unknown => hub.fetch(new Request("http://localhost/health"));

  const ATTACHED_TWICE = (hub: TestHub): unknown => hub.attach(createServer()).attach(createServer());

  /** Warnings in the log of a hub that is used in one way. */
  function warningsOf(options: HubOptions, use: (hub: TestHub) => unknown = ATTACHED): string[] {
    const lines: string[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const hub = makeHub({ ...options, logger: pino({ level: "warn" }, stream) });
    use(hub);
    return lines;
  }

  it("warns of development mode once, attached hubs and those used through fetch or handler included", () => {
    for (const use of [ATTACHED, BY_CODE, ATTACHED_TWICE]) {
      for (const options of [{}, { auth: developmentAuth() }]) {
        expect(warningsOf(options, use)).toEqual([expect.stringMatching(/"level":40.*development mode/)]);
      }
    }
  });

  it("warns of development mode also of a hub that nobody has used yet", async () => {
    const lines = warningsOf({}, () => undefined);
    await eventually("the log warns", () => lines.length === 1);
  });

  it("names the networks that development mode serves", () => {
    const development = { networks: ["172.17.0.0/16", "fd00::/8"] };
    expect(warningsOf({ development })).toEqual([
      expect.stringContaining("This machine and 172.17.0.0/16, fd00::/8 are served"),
    ]);
  });

  it("warns of tokens of any audience, and of weak keys that are allowed", () => {
    const jwt = { secret: "x".repeat(31) };
    expect(warningsOf({ jwt, security: { allowWeakKeys: true } })).toEqual([
      expect.stringContaining("a weak key is allowed: jwt.secret: expected at least 32 bytes"),
      expect.stringContaining("jwt.audience (JWT_AUDIENCE) is not set"),
    ]);
  });

  it("warns of nothing with a secret and an audience", () => {
    expect(warningsOf({ jwt: { secret, audience: "tidings" } })).toEqual([]);
  });
});

describe.each(PROXY_HEADERS)("in development mode a request with %j", (headers) => {
  const [name = ""] = Object.keys(headers);

  it("is refused as an upgrade, to a server of the hub's own", async () => {
    const { url } = await startHub();
    const [status, body] = await refusal(new Peer(url({ user_id: "a" }), { headers }));
    expect(status).toBe(403);
    expect(body.toLowerCase()).toContain(`came through a proxy (header ${name.toLowerCase()})`);
  });

  it("is refused as an upgrade and by hub.handler, on an application's server", async () => {
    const hub = makeHub();
    const server = createServer(hub.handler).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    hub.attach(server);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // it listens on a port
    const url = `ws://127.0.0.1:${port}/ws?user_id=a`;
    expect(await refusal(new Peer(url, { headers }))).toMatchObject([403, expect.anything()]);
    const answer = await fetch(`http://127.0.0.1:${port}/stats`, { headers });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ error: { code: "forbidden" } });
  });

  it("is refused by every route of the HTTP API, with the API key too", async () => {
    const running = await startHub({ apiKey: API_KEY });
    const withKey = { ...headers, "x-api-key": API_KEY };
    for (const path of ["/stats", "/users", "/health", "/ready", "/openapi.json", "/", "/dev", "/nowhere"]) {
      expect(await callAs(running, path, withKey)).toBe(403);
    }
  });

  it("is refused by hub.fetch", async () => {
    const request = new Request("http://localhost/stats", { headers });
    expect((await makeHub().fetch(request)).status).toBe(403);
  });

  it("is welcome once there is a secret", async () => {
    const running = await startHub({ jwt: { secret }, apiKey: API_KEY });
    const token = await running.hub.fetch(
      new Request("http://localhost/tokens", {
        method: "POST",
        headers: { ...headers, "x-api-key": API_KEY, "content-type": "application/json" },
        body: JSON.stringify({ user: "alice" }),
      }),
    );
    const { token: text } = (await token.json()) as { token: string };
    await connectPeer(running.url({ token: text }), { headers });
  });
});

describe("development.networks", () => {
  /** A hub on an application's server whose clients seem to have an address. @returns the port */
  async function serveTo(address: string, networks: string[]): Promise<number> {
    const hub = makeHub({ development: { networks } });
    const server = createServer(hub.handler);
    server.on("connection", (socket) => Object.defineProperty(socket, "remoteAddress", { value: address }));
    hub.attach(server);
    server.listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    return (server.address() as AddressInfo).port; // it listens on a port
  }

  /** Statuses of a call and of an upgrade: 101 when it was accepted. */
  async function statusesOf(port: number, headers: Record<string, string>): Promise<unknown[]> {
    const url = `http://127.0.0.1:${port}/stats`;
    const [answer] = await once(request(url, { headers }).end(), "response");
    answer.resume();
    const peer = new Peer(`ws://127.0.0.1:${port}/ws?user_id=a`, { headers });
    const upgraded = once(peer.socket, "open").then(() => 101);
    const status = await Promise.race([upgraded, refusal(peer).then(([refused]) => refused)]);
    peer.end();
    return [answer.statusCode, status];
  }

  it.each([
    ["172.17.0.1", ["172.17.0.0/16"], { host: "localhost:8080" }],
    ["::ffff:172.17.0.1", ["172.17.0.0/16"], { host: "172.17.0.2:8080" }],
    ["192.168.1.9", ["10.0.0.0/8", "192.168.1.9"], { host: "192.168.1.5" }],
    ["fd00::7", ["fd00::/8"], { host: "[fd00::1]:8080" }],
    ["172.17.0.1", ["172.17.0.0/16"], { host: "tidings:8080" }],
    ["172.17.0.1", ["172.17.0.0/16"], { host: "hub.local" }],
    ["172.17.0.1", ["172.17.0.0/16"], { host: "hub.local", origin: "http://hub.local:5173" }],
    ["172.17.0.1", ["172.17.0.0/16"], { host: "172.17.0.2", origin: "http://localhost:3000" }],
    ["127.0.0.1", ["172.17.0.0/16"], { host: "127.0.0.1" }],
  ])("serves %s with %j and %j", async (address, networks, headers) => {
    expect(await statusesOf(await serveTo(address, networks), headers)).toEqual([200, 101]);
  });

  it.each<[string, string[], Record<string, string>]>([
    ["172.17.0.1", [], { host: "localhost" }],
    ["172.18.0.1", ["172.17.0.0/16"], { host: "localhost" }],
    ["fd00::7", ["172.17.0.0/16"], { host: "localhost" }],
    ["172.17.0.1", ["172.17.0.0/16"], { host: "evil.example" }],
    ["172.17.0.1", ["172.17.0.0/16"], { host: "172.17.0.2.evil.example" }],
    ["172.17.0.1", ["172.17.0.0/16"], { host: "172.17.0.2", origin: "https://evil.example" }],
    ["172.17.0.1", ["172.17.0.0/16"], { host: "172.17.0.2", origin: "http://203.0.113.9" }],
    ["172.17.0.1", ["172.17.0.0/16"], { host: "172.17.0.2", origin: "null" }],
    ["172.17.0.1", ["172.17.0.0/16"], { host: "172.17.0.2", "x-forwarded-for": "172.17.0.9" }],
    ["127.0.0.1", ["172.17.0.0/16"], { host: "evil.example" }],
  ])("refuses %s with %j and %j", async (address, networks, headers) => {
    expect(await statusesOf(await serveTo(address, networks), headers)).toEqual([403, 403]);
  });

  it("lets a hub listen on all addresses, which is then the default", async () => {
    const hub = makeHub({ development: { networks: ["172.17.0.0/16"] } });
    expect(await hub.listen({ port: 0 })).toMatchObject({ host: "0.0.0.0" });
    await expect(makeHub().listen({ port: 0, host: "0.0.0.0" })).rejects.toThrow("DEVELOPMENT_NETWORKS");
  });

  it("does not lift the rule on NODE_ENV=production", () => {
    vi.stubEnv("NODE_ENV", "production");
    expect(() => createHub({ development: { networks: ["172.17.0.0/16"] } })).toThrow(
      "NODE_ENV is production",
    );
  });

  it.each([
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/33",
    "fd00::/129",
    "10.0.0/8",
    "everybody",
    "10.0.0.0/",
    "10.0.0.1/8/8",
  ])("refuses %s", (network) => {
    expect(() => resolveConfig({ env: { DEVELOPMENT_NETWORKS: `127.0.0.1,${network}` } })).toThrow(
      "environment DEVELOPMENT_NETWORKS: expected networks such as 172.17.0.0/16",
    );
  });
});
