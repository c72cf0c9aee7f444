import { once } from "node:events";
import { Writable } from "node:stream";
import { SignJWT } from "jose";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { type HookEvents, type HubOptions, refuse, TidingsError } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { connectPeer, Peer } from "../../support/peer.ts";
import { RawPeer } from "../../support/raw.ts";

const secret = "a secret of at least thirty-two bytes";

type Refused = HookEvents["refused"];

/** A hub whose refusals are recorded, as the hook and as the log tell them. */
async function watchedHub(
  options: HubOptions = {},
): Promise<RunningHub & { hooked: Refused[]; logged: Record<string, unknown>[] }> {
  const logged: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(line, _encoding, done) {
      const entry = JSON.parse(String(line));
      if (entry.msg === "refused") logged.push(entry);
      done();
    },
  });
  const running = await startHub({ ...options, logger: pino({ level: "info" }, sink) });
  const hooked: Refused[] = [];
  running.hub.on("refused", (client) => hooked.push(client));
  return { ...running, hooked, logged };
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly error: { code: string; message: string };
}

/** The HTTP answer to an upgrade that is refused. */
async function answerTo(peer: Peer): Promise<Answer> {
  const [, response] = await once(peer.socket, "unexpected-response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  peer.end();
  const { error } = JSON.parse(Buffer.concat(chunks).toString());
  return { status: response.statusCode, retryAfter: response.headers["retry-after"], error };
}

const tokenFor = (claims: Record<string, unknown>): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));

const now = (): number => Math.floor(Date.now() / 1_000);

/** The path `/ws` with a query. */
const origin = "https://evil.example";

describe("an upgrade that HTTP refuses", () => {
  it.each<[string, number, string, HubOptions, (url: RunningHub["url"]) => Peer]>([
    [
      "because of its origin",
      403,
      "forbidden",
      { jwt: { secret }, origins: ["https://app.example"] },
      (url) => new Peer(url({ token: "t" }), { origin }),
    ],
    [
      "because of its path",
      404,
      "not_found",
      {},
      (url) => new Peer(url().replace("/ws?", "/elsewhere?token=t"), { origin }),
    ],
    ["because of a parameter", 400, "bad_request", {}, (url) => new Peer(url({ resume: "{" }), {})],
    [
      "because of development mode",
      403,
      "forbidden",
      {},
      (url) => new Peer(url({ user_id: "a" }), { origin }),
    ],
  ])("%s is told %i with a code, logged, counted and hooked", async (_why, status, code, options, open) => {
    const running = await watchedHub(options);
    const answer = await answerTo(open(running.url));
    expect(answer).toMatchObject({ status, error: { code, message: expect.any(String) } });
    const told = { code, status, reason: answer.error.message, address: "127.0.0.1" };
    expect(running.hooked).toMatchObject([told]);
    expect(running.logged).toMatchObject([told]);
    expect(JSON.stringify([running.hooked, running.logged])).not.toContain("token=");
    if (code !== "bad_request") expect(running.hooked[0]?.origin).toBe(origin);
    expect(await countOf(running, code)).toBe(1);
  });

  it("because of its handshake is told so, with the version that the server speaks", async () => {
    const running = await watchedHub();
    const peer = new RawPeer(running.url({ user_id: "a" }), { "Sec-WebSocket-Version": "7" });
    await peer.closed;
    expect(peer.head).toMatch(/^HTTP\/1\.1 400 (.|\s)*sec-websocket-version: 13/i);
    expect(running.hooked).toMatchObject([{ code: "bad_request", status: 400, path: "/ws" }]);
  });

  it("because the node is full, or too many connect, names the time to come again", async () => {
    const full = await watchedHub({ websocket: { maxConnections: 1 } });
    await connectPeer(full.url({ user_id: "a" }));
    expect(await answerTo(new Peer(full.url({ user_id: "b" })))).toMatchObject({
      status: 503,
      retryAfter: expect.stringMatching(/^\d+$/),
      error: { code: "unavailable" },
    });
    const limits = { connectsPerAddress: "1-M", whitelistCIDRs: [] };
    const limited = await watchedHub({ limits });
    await connectPeer(limited.url({ user_id: "a" }));
    expect(await answerTo(new Peer(limited.url({ user_id: "b" })))).toMatchObject({
      status: 429,
      retryAfter: expect.stringMatching(/^\d+$/),
      error: { code: "rate_limited" },
    });
    expect([...full.hooked, ...limited.hooked].map(({ status }) => status)).toEqual([503, 429]);
  });
});

async function countOf({ at, hub }: RunningHub, code: string): Promise<number> {
  const headers: Record<string, string> = hub.development ? {} : { "x-api-key": "none" };
  const response = await hub.fetch(new Request(`${at.url}/metrics`, { headers }), "127.0.0.1");
  if (!response.ok) return hub.development ? -1 : 1; // without an API key there is nothing to read
  const text = await response.text();
  return Number(new RegExp(`tidings_refused_total{code="${code}"} (\\d+)`).exec(text)?.[1] ?? 0);
}

describe("an upgrade whose credentials are refused", () => {
  const ways: Record<string, (running: RunningHub, token: string) => Peer> = {
    "in the URL": ({ url }, token) => new Peer(url({ token })),
    "in the header": ({ url }, token) => new Peer(url(), { headers: { authorization: `Bearer ${token}` } }),
    "in the first message": ({ url }, token) => {
      const peer = new Peer(url());
      const login = { id: 1, action: "robot.login", data: { token } };
      peer.socket.once("open", () => peer.send(login));
      return peer;
    },
  };

  describe.each(Object.entries(ways))("%s", (way, connect) => {
    it.each<[string, number, string, string, () => Promise<string>]>([
      [
        "no token at all",
        4500,
        "unauthorized",
        "the token is not a valid JWT",
        () => Promise.resolve("nonsense"),
      ],
      [
        "a token that has expired",
        4005,
        "token_expired",
        "the token has expired",
        () => tokenFor({ sub: "alice", exp: now() - 1 }),
      ],
      [
        "a token that is not valid yet",
        4005,
        "token_expired",
        "the token is not valid yet",
        () => tokenFor({ sub: "alice", exp: now() + 600, nbf: now() + 300 }),
      ],
      [
        "a token without an expiry",
        4500,
        "unauthorized",
        "the token has no expiry: give it the claim exp",
        () => tokenFor({ sub: "alice" }),
      ],
    ])("is told of %s with %i", async (_what, code, name, reason, token) => {
      const running = await watchedHub({ jwt: { secret } });
      const peer = connect(running, await token());
      expect(await peer.closed).toEqual({ code, reason });
      const told = { code: name, status: code, reason, address: "127.0.0.1", path: "/ws" };
      expect([running.hooked, running.logged]).toMatchObject([[told], [told]]);
      // A login by message has its reply before the close.
      const replies =
        way === "in the first message" ? [{ id: 1, error: { code: name, message: reason } }] : [];
      expect(peer.frames).toEqual(replies);
    });
  });

  it("by the application's authenticator or hook has its words", async () => {
    const auth = {
      mode: "token",
      async authenticate({ token }: { token?: string }) {
        if (token === "banned") throw refuse("you are banned");
        if (token === "old") throw new TidingsError("token_expired", "log in once more");
        return { user: "alice" };
      },
    } as const;
    const running = await watchedHub({ auth });
    running.hub.on("connect", ({ connection }) => {
      if (connection.platform === "fax") throw refuse("no faxes");
    });
    const { url } = running;
    const ends = [
      await new Peer(url({ token: "banned" })).closed,
      await new Peer(url({ token: "old" })).closed,
      await new Peer(url({ token: "t", platform: "fax" })).closed,
    ];
    expect(ends).toEqual([
      { code: 4504, reason: "you are banned" },
      { code: 4005, reason: "log in once more" },
      { code: 4504, reason: "no faxes" },
    ]);
    expect(running.hooked.map(({ code }) => code)).toEqual(["refused", "token_expired", "refused"]);
  });

  it("by a limit on connections of a user is told, and a login by message is answered", async () => {
    const running = await watchedHub({ websocket: { maxConnectionsPerUser: 1 } });
    await connectPeer(running.url({ user_id: "a" }));
    const peer = new Peer(running.url());
    const login = { id: 1, action: "robot.login", data: { user_id: "a" } };
    peer.socket.once("open", () => peer.send(login));
    expect((await peer.closed).code).toBe(4503);
    expect(peer.frames).toMatchObject([{ id: 1, error: { code: "limit" } }]);
    expect(running.hooked).toMatchObject([{ code: "limit", status: 4503 }]);
  });

  it("because the user is blocked is told for how long, and a login by message is answered", async () => {
    const running = await watchedHub();
    await running.hub.user("a").block(3_600_000);
    const inUrl = await new Peer(running.url({ user_id: "a" })).closed;
    expect(inUrl).toEqual({ code: 4506, reason: expect.stringContaining("blocked for another 3,") });
    const peer = new Peer(running.url());
    const login = { id: 1, action: "robot.login", data: { user_id: "a" } };
    peer.socket.once("open", () => peer.send(login));
    const { code, reason } = await peer.closed;
    expect(code).toBe(4506);
    expect(peer.frames).toMatchObject([{ id: 1, error: { code: "blocked", message: reason } }]);
    const told = { code: "blocked", status: 4506 };
    expect([running.hooked, running.logged]).toMatchObject([
      [told, told],
      [told, told],
    ]);
  });
});

it("a login in the older form is answered in kind when it is refused", async () => {
  const { url } = await startHub({ jwt: { secret } });
  const peer = new Peer(url());
  peer.socket.once("open", () => peer.send({ Module: "robot", Action: "Login", Data: { Token: "x" } }));
  expect((await peer.closed).code).toBe(4500);
  expect(peer.frames).toMatchObject([
    { Module: "robot", Action: "Login", Error: { Code: "unauthorized", Message: expect.any(String) } },
  ]);
});

it("a malformed login is answered before the close", async () => {
  const { url } = await startHub();
  const peer = new Peer(url());
  peer.socket.once("open", () => peer.send({ id: 3, action: "robot.login", data: { user_id: 7 } }));
  expect((await peer.closed).code).toBe(4505);
  expect(peer.frames).toMatchObject([{ id: 3, error: { code: "bad_request" } }]);
});

describe("what hangs", () => {
  it("a connect hook is a failure of the server, not of the login", async () => {
    const { hub, url } = await startHub({ timeouts: { hookMs: 50 } });
    hub.on("connect", () => new Promise(() => undefined));
    expect(await new Peer(url({ user_id: "a" })).closed).toMatchObject({ code: 4004 });
  });

  it("an authenticator is upgraded first, and then told that it failed", async () => {
    const authenticate = (): Promise<never> => new Promise(() => undefined);
    const { url } = await startHub({
      auth: { mode: "token", authenticate },
      websocket: { loginTimeoutMs: 1_500 },
    });
    const peer = new Peer(url({ token: "t" }));
    await once(peer.socket, "open");
    expect(await peer.closed).toMatchObject({ code: 4004, reason: expect.stringContaining("verified") });
  });
});

it("a flood of refused clients fills no log, and all are counted", async () => {
  const running = await watchedHub();
  const peers = Array.from({ length: 100 }, () => new RawPeer(running.url({ resume: "{" })));
  await Promise.all(peers.map(({ closed }) => closed));
  await eventually("all are hooked", () => running.hooked.length === 100);
  expect(running.logged.length).toBeLessThan(100);
  expect(await countOf(running, "bad_request")).toBe(100);
});
