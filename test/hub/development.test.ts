import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { pino } from "pino";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { createHub, developmentAuth, type HubOptions, resolveConfig } from "../../src/index.ts";
import { callAs } from "../gateway/http/call.ts";
import { startHub } from "../support/hub.ts";
import { API_KEY } from "../support/keys.ts";
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

describe("the log of a hub", () => {
  function warningsOf(options: HubOptions): string[] {
    const lines: string[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const hub = makeHub({ ...options, logger: pino({ level: "warn" }, stream) });
    hub.attach(createServer());
    return lines;
  }

  it("warns of development mode, attached hubs included", () => {
    for (const options of [{}, { auth: developmentAuth() }]) {
      expect(warningsOf(options)).toEqual([expect.stringMatching(/"level":40.*development mode/)]);
    }
  });

  it("warns of nothing with a secret", () => {
    expect(warningsOf({ jwt: { secret } })).toEqual([]);
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
    for (const path of ["/stats", "/users", "/health", "/ready", "/openapi.json", "/", "/nowhere"]) {
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
