import { describe, expect, it, onTestFinished, vi } from "vitest";
import { setServerAdmin } from "../../src/chat/chat.ts";
import { startScene } from "../chat/scene.ts";
import { call } from "../gateway/http/call.ts";
import { eventually } from "../support/eventually.ts";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer, Peer } from "../support/peer.ts";
import { UNLIMITED } from "../support/unlimited.ts";

const JWT = { secret: "a secret of at least thirty-two bytes" };
const ADMIN = "an API key that may do everything";
const READ = "an API key that may only read";
const OPTIONS = { ...UNLIMITED, jwt: JWT, apiKeys: [`admin:${ADMIN}`, `read:${READ}`], node: { id: "n1" } };

const withKey = (key: string) => ({ headers: { "x-api-key": key } });

/** Logs in as a console. */
async function openConsole(running: RunningHub): Promise<Peer> {
  const { body } = await call(running, "/console/session", { ...withKey(ADMIN), body: {} });
  return connectPeer(running.url({ token: String(body.token) }));
}

async function login({ hub, url }: RunningHub, user: string): Promise<Peer> {
  return connectPeer(url({ token: await hub.token({ user, can: { join: ["group:*"] } }) }));
}

interface Event {
  readonly kind: string;
  readonly user?: string;
  readonly code?: string;
}

/** The events that a console has got. */
const eventsOf = ({ frames }: Peer): Event[] =>
  frames.flatMap(({ type, data }) => (type === "console.events" ? (data as { events: Event[] }).events : []));

describe("the routes of the console", () => {
  it("need an API key of the scope admin", async () => {
    const running = await startHub(OPTIONS);
    const paths = ["/nodes/history", "/users/search", "/groups", "/users/alice/sessions", "/config"];
    for (const path of paths) {
      expect((await call(running, path)).status, path).toBe(401);
      expect((await call(running, path, withKey(READ))).status, path).toBe(403);
      expect((await call(running, path, withKey(ADMIN))).status, path).toBe(200);
    }
    expect((await call(running, "/console/session", { ...withKey(READ), body: {} })).status).toBe(403);
  });

  it("list users and groups by the begin of their names, page by page", async () => {
    const running = await startHub(OPTIONS);
    for (const user of ["bob", "alice", "albert", "zoe"]) {
      const peer = await login(running, user);
      await peer.request("group.join", { group: `${user}s` });
      await peer.request("group.join", { group: "team" });
    }
    await running.hub.group("team").send({ type: "n" });
    const { body: first } = await call(running, "/users/search?limit=3", withKey(ADMIN));
    const users = [{ user: "albert" }, { user: "alice" }, { user: "bob" }];
    expect(first).toMatchObject({ users, next: "bob", silent: [] });
    const { body: second } = await call(running, "/users/search?limit=3&after=bob", withKey(ADMIN));
    expect(second).toEqual({ users: [{ user: "zoe", connections: 1, platforms: ["web"] }], silent: [] });
    const { body: found } = await call(running, "/users/search?prefix=al", withKey(ADMIN));
    expect(found).toMatchObject({ users: [{ user: "albert" }, { user: "alice" }] });
    const { body: groups } = await call(running, "/groups?prefix=t", withKey(ADMIN));
    expect(groups).toMatchObject({ groups: [{ group: "team", connections: 4, nodes: 1 }], silent: [] });
    const [team] = groups.groups as { messages: number; deliveries: number }[];
    expect(team?.deliveries).toBeCloseTo(4 * Number(team?.messages));
  });

  it("tell of a user's connections, groups and block, and of the configuration without its secrets", async () => {
    const running = await startHub(OPTIONS);
    await login(running, "alice");
    const path = "/users/alice/sessions";
    const { body } = await call(running, path, withKey(ADMIN));
    const connection = {
      platform: "web",
      node: "n1",
      address: "127.0.0.1",
      queue: { messages: 0, bytes: 0 },
    };
    expect(body).toMatchObject({ user: "alice", online: true, blockedMs: 0, connections: [connection] });
    await running.hub.user("alice").block(60_000);
    await eventually("the user has no connection", async () => {
      const { body: blocked } = await call(running, path, withKey(ADMIN));
      return Number(blocked.blockedMs) > 0 && (blocked.connections as unknown[]).length === 0;
    });
    const { text } = await call(running, "/config", withKey(ADMIN));
    for (const secret of [JWT.secret, ADMIN, READ]) expect(text).not.toContain(secret);
    expect(JSON.parse(text).config).toMatchObject({ jwt: { secret: "***" }, node: { id: "n1" } });
  });
});

describe("a console", () => {
  it("is pushed overviews, and the events of its filter", async () => {
    const running = await startHub(OPTIONS);
    const watcher = await openConsole(running);
    expect(await watcher.frame("welcome")).toMatchObject({ user: expect.stringMatching(/^console-/) });
    await watcher.request("console.watch", { overview: true, events: { text: "alice" } });
    const { data } = await watcher.next(({ type }) => type === "console.overview");
    expect(data).toMatchObject({ node: "n1", nodes: [{ node: "n1", statistics: { connections: 1 } }] });
    // The node begins to follow events with the first question.
    const alice = await login(running, "alice");
    await login(running, "bob");
    await alice.request("group.join", { group: "team" });
    await alice.request("group.leave", { group: "team" });
    await running.hub.user("alice").send({ type: "n" });
    await running.hub.user("alice").kick({ reason: "spam" });
    await eventually("the close is told", () => eventsOf(watcher).some(({ kind }) => kind === "disconnect"));
    const events = eventsOf(watcher);
    expect(events.map(({ kind }) => kind)).toEqual(["connect", "join", "leave", "publish", "disconnect"]);
    expect(events.at(-1)).toMatchObject({ user: "alice", code: "kicked" });
  });

  it("can do nothing but watch, whatever the application lets others do", async () => {
    const asked: string[] = [];
    const noted = <Result>(user: string, result: Result): Result => {
      asked.push(user);
      return result;
    };
    const running = await startHub({ ...OPTIONS, authorize: ({ user }) => noted(user, true) });
    running.hub.use(({ user }, next) => noted(user, next()));
    running.hub.action("orders.list", ({ user }) => noted(user, []));
    running.hub.on("message", ({ connection: { user } }) => noted(user, undefined));
    const watcher = await openConsole(running);
    const refused = { error: { code: "forbidden" } };
    for (const [action, data] of [
      ["group.join", { group: "team" }],
      ["presence.get", {}],
      ["message.history", { channel: "all" }],
      ["orders.list", {}],
      ["orders.nobodyKnows", {}],
    ] as const)
      expect(await watcher.request(action, data), action).toMatchObject(refused);
    watcher.send({ id: "b", type: "chat", data: "Hello" });
    expect(await watcher.next(({ id }) => id === "b")).toMatchObject(refused);
    expect(await watcher.request("robot.heartBeat")).toMatchObject({ data: {} });
    expect(await watcher.request("console.watch", { overview: true })).toMatchObject({ data: {} });
    expect(asked).toEqual([]);
    // Broadcasts are not for consoles: this one would come before the reply.
    await running.hub.broadcast({ type: "news" });
    await watcher.request("robot.ping", {});
    expect(watcher.frames.filter(({ type }) => type === "news")).toEqual([]);
  });

  it("has no account of the chat, and is gathered by nobody", async () => {
    const scene = await startScene({ hub: OPTIONS });
    const watcher = await openConsole(scene.running);
    expect(await watcher.request("chat.profile", {})).toMatchObject({ error: { code: "forbidden" } });
    await scene.users("alice");
    await setServerAdmin(scene.database, "alice", true);
    expect(await scene.ok("alice", "gather", { name: "All hands" })).toMatchObject({ members: 1 });
  });

  it("cannot log in with its token after ten minutes", async () => {
    const running = await startHub(OPTIONS);
    const { body } = await call(running, "/console/session", { ...withKey(ADMIN), body: {} });
    vi.useFakeTimers({ toFake: ["Date"], now: Number(body.expiresAt) });
    onTestFinished(() => void vi.useRealTimers());
    expect(await new Peer(running.url({ token: String(body.token) })).closed).toMatchObject({ code: 4005 });
  });
});

describe("a hostile client", () => {
  it("cannot watch, whatever its token claims", async () => {
    const running = await startHub(OPTIONS);
    const { hub, url } = running;
    const claims = {
      user: "console-AAAAAAAAAAAAAAAA",
      info: { console: true },
      can: { join: ["console.watch"] },
    };
    for (const token of [
      await hub.token({ user: "alice" }),
      await hub.token({ ...claims, can: { join: ["group:*"], presence: ["all"] } }),
    ]) {
      const peer = await connectPeer(url({ token }));
      const answer = await peer.request("console.watch", { overview: true });
      expect(answer).toMatchObject({ error: { code: "forbidden" } });
    }
  });

  it("cannot make or change a token", async () => {
    const running = await startHub(OPTIONS);
    const { body } = await call(running, "/console/session", { ...withKey(ADMIN), body: {} });
    const token = String(body.token);
    const [prefix, user = "", expiry, proof = ""] = token.split(".");
    const changed = [
      `${prefix}.${user}.${Number(expiry) + 1}.${proof}`,
      `${prefix}.console-AAAAAAAAAAAAAAAA.${expiry}.${proof}`,
      `${prefix}.${user}.${expiry}.`,
      `${token}.x`,
      `${prefix}.${user}.0.${proof}`,
    ];
    for (const forged of changed) {
      expect(await new Peer(running.url({ token: forged })).closed, forged).toMatchObject({ code: 4500 });
    }
    const other = await call(running, "/console/session", { ...withKey(ADMIN), body: { console: "alice" } });
    expect(other.status).toBe(400);
    const renewed = await call(running, "/console/session", { ...withKey(ADMIN), body: { console: user } });
    expect(renewed.body).toMatchObject({ user });
  });
});
