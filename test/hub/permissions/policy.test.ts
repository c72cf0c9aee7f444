import { describe, expect, it } from "vitest";
import { defaultPolicy, type HubOptions } from "../../../src/index.ts";
import { startHub } from "../../support/hub.ts";
import { SECRET } from "../../support/keys.ts";
import { connectPeer, type Peer } from "../../support/peer.ts";
import { answerOf, send, startPrivate, tokenOf } from "./scene.ts";

const join = (peer: Peer, group = "g") => answerOf(peer.request("group.join", { group }));
const read = (peer: Peer, channel: string) => answerOf(peer.request("message.history", { channel }));
const see = (peer: Peer, query: object) => answerOf(peer.request("presence.get", query));

describe("a setting of the policy", () => {
  const ALL = {
    join: ["group:g"],
    send: ["all", "user:bob", "group:g"],
    history: ["group:g"],
    presence: ["all", "group:g"],
  };

  async function answers(policy: HubOptions["policy"], ask: (peer: Peer) => Promise<"yes" | "no">) {
    const { connect } = await startPrivate({ policy });
    return [await ask(await connect("alice")), await ask(await connect("carol", ALL))];
  }

  it.each([
    ["anyone", ["yes", "yes"]],
    ["granted", ["no", "yes"]],
    ["nobody", ["no", "no"]],
  ] as const)("%s: who may join, send, broadcast and see", async (value, expected) => {
    expect(await answers({ join: value }, (peer) => join(peer))).toEqual(expected);
    expect(await answers({ sendToUser: value }, (peer) => answerOf(send(peer, { to: "bob" })))).toEqual(
      expected,
    );
    expect(await answers({ broadcast: value }, (peer) => answerOf(send(peer, {})))).toEqual(expected);
    expect(await answers({ presence: value }, (peer) => see(peer, {}))).toEqual(expected);
    expect(await answers({ presence: value }, (peer) => see(peer, { users: ["bob"] }))).toEqual(expected);
    expect(await answers({ presence: value }, (peer) => see(peer, { group: "g" }))).toEqual(expected);
  });

  it("sendToGroup and history: whether membership is enough", async () => {
    for (const [value, member, granted] of [
      ["members", "yes", "yes"],
      ["granted", "no", "yes"],
      ["nobody", "no", "no"],
    ] as const) {
      const history = value === "nobody" ? "granted" : value;
      const { hub, connect } = await startPrivate({ policy: { sendToGroup: value, history } });
      await hub.group("g").add("member");
      const [one, other] = [await connect("member"), await connect("carol", ALL)];
      expect(await answerOf(send(one, { group: "g" }))).toBe(member);
      expect(await answerOf(send(other, { group: "g" }))).toBe(granted);
      expect(await read(one, "group:g")).toBe(history === "members" ? "yes" : "no");
      expect(await read(other, "group:g")).toBe("yes");
    }
  });

  it("nobody: a durable member is in the group all the same, and may join it again", async () => {
    const { hub, connect } = await startPrivate({ policy: { join: "nobody" } });
    await hub.group("g").add("alice");
    const alice = await connect("alice");
    expect(await join(alice)).toBe("yes");
    await hub.user("alice").refresh();
    await hub.group("g").send({ type: "chat" });
    await alice.frame("chat");
  });
});

describe("a refusal", () => {
  type Question = (peer: Peer) => Promise<Record<string, unknown>>;
  const questions: Record<string, Question> = {
    join: (peer) => peer.request("group.join", { group: "a*b" }),
    everyone: (peer) => peer.request("presence.get", {}),
    watch: (peer) => peer.request("presence.watch", { users: ["bob"] }),
    members: (peer) => peer.request("group.members", { group: "g" }),
    history: (peer) => peer.request("message.history", { channel: "group:g" }),
    "history of bob": (peer) => peer.request("message.history", { channel: "user:bob" }),
    group: (peer) => send(peer, { group: "g" }),
    user: (peer) => send(peer, { to: "bob" }),
    broadcast: (peer) => send(peer, {}),
  };

  /** Texts in brackets, by question; undefined where the request was allowed. */
  async function hintsTo(peer: Peer): Promise<Record<string, string | undefined>> {
    const hints: Record<string, string | undefined> = {};
    for (const [name, ask] of Object.entries(questions)) {
      const { error } = (await ask(peer)) as { error?: { code: string; message: string } };
      if (error === undefined) continue;
      expect(error.code).toBe("forbidden");
      hints[name] = /^alice may not [^()]+(?: \((.*)\))?$/.exec(error.message)?.[1] ?? "";
    }
    return hints;
  }

  it("names the grant that is missing", async () => {
    const { connect } = await startPrivate({ policy: { sendToUser: "granted" } });
    expect(await hintsTo(await connect("alice"))).toEqual({
      join: String.raw`allowed by a grant of "group:a\\*b" in can.join, or durable membership`,
      everyone: 'allowed by a grant of "all" in can.presence',
      watch: 'allowed by a grant of "user:bob" in can.presence',
      members: 'allowed by a grant of "group:g" in can.presence, or membership',
      history: 'allowed by a grant of "group:g" in can.history, or membership',
      "history of bob": 'allowed by a grant of "user:bob" in can.history',
      group: 'allowed by a grant of "group:g" in can.send, or membership',
      user: 'allowed by a grant of "user:bob" in can.send',
      broadcast: 'policy.broadcast is "nobody"',
    });
  });

  it("names no grant that does not count", async () => {
    const rule = "nobody" as const;
    const policy = {
      join: rule,
      sendToUser: rule,
      sendToGroup: rule,
      presence: rule,
      history: "granted" as const,
    };
    const { connect } = await startPrivate({ policy });
    expect(await hintsTo(await connect("alice"))).toEqual({
      join: "allowed by durable membership",
      everyone: 'policy.presence is "nobody"',
      watch: 'policy.presence is "nobody"',
      members: 'policy.presence is "nobody"',
      history: 'allowed by a grant of "group:g" in can.history',
      "history of bob": 'allowed by a grant of "user:bob" in can.history',
      group: 'policy.sendToGroup is "nobody"',
      user: 'policy.sendToUser is "nobody"',
      broadcast: 'policy.broadcast is "nobody"',
    });
  });

  it("names the setting too in development mode", async () => {
    const policy = { join: "granted", presence: "nobody", broadcast: "nobody" } as const;
    const open = await startHub({ policy });
    expect(await hintsTo(await connectPeer(open.url({ user_id: "alice" })))).toEqual({
      join: String.raw`allowed by policy.join "anyone", or a grant of "group:a\\*b" in can.join, or durable membership`,
      everyone: 'allowed by policy.presence "anyone"',
      watch: 'allowed by policy.presence "anyone"',
      members: 'allowed by policy.presence "anyone"',
      history: 'allowed by policy.history "members" for a member, or a grant of "group:g" in can.history',
      "history of bob": 'allowed by a grant of "user:bob" in can.history',
      group: 'allowed by policy.sendToGroup "members" for a member, or a grant of "group:g" in can.send',
      broadcast: 'allowed by policy.broadcast "anyone"',
    });
  });

  it("is followed by what was said to be missing", async () => {
    const { connect } = await startPrivate();
    const can = {
      join: [String.raw`group:a\*b`],
      history: ["group:g", "user:bob"],
      presence: ["all", "group:g"],
    };
    expect(Object.keys(await hintsTo(await connect("alice", { ...can, send: ["group:g"] })))).toEqual([
      "broadcast",
    ]);
  });

  it("names the grant in the notice about a group of a login, and about one that was lost", async () => {
    const { hub, url } = await startHub({ jwt: { secret: SECRET } });
    const alice = await connectPeer(url({ token: await tokenOf("alice", { join: ["group:g"] }) }));
    await alice.request("group.join", { group: "g" });
    const resume = JSON.stringify({ "group:x": { epoch: "e", offset: 0 } });
    const other = await connectPeer(url({ token: await tokenOf("alice"), resume }));
    const missing = (group: string): string =>
      `alice may not join group:${group} (allowed by a grant of "group:${group}" in can.join, or durable membership)`;
    expect(await other.frame("notice")).toMatchObject({ code: "forbidden", message: missing("x") });
    await alice.request("robot.login", { token: await hub.token({ user: "alice" }) });
    expect(await alice.frame("notice")).toMatchObject({ code: "forbidden", message: missing("g") });
  });

  it("gives no reasons for a policy of the application", async () => {
    const { hub, connect } = await startPrivate();
    hub.authorize(() => false);
    expect(new Set(Object.values(await hintsTo(await connect("alice"))))).toEqual(new Set([""]));
  });
});

describe("a policy of the application", () => {
  it("gets the request, and may ask the default policy", async () => {
    const { hub, connect } = await startPrivate();
    const seen: unknown[] = [];
    hub.authorize((request) => {
      const { user, verb, channel, platform, claims, can, anonymous } = request;
      seen.push({ user, verb, channel, platform, sub: claims.sub, can, anonymous });
      return request.connection.data.isStaff === true || defaultPolicy(request);
    });
    hub.on("connect", ({ connection }) => {
      connection.data.isStaff = connection.user === "eve";
    });
    const alice = await connect("alice", { join: ["group:a"] });
    const eve = await connect("eve");
    expect(await join(alice, "a")).toBe("yes");
    expect(await join(alice, "b")).toBe("no");
    expect(await join(eve, "b")).toBe("yes");
    expect(await read(alice, "group:a")).toBe("yes");
    expect(seen).toContainEqual({
      user: "alice",
      verb: "join",
      channel: "group:a",
      platform: "web",
      sub: "alice",
      can: { join: ["group:a"] },
      anonymous: false,
    });
  });

  it("may close presence too", async () => {
    const { hub, connect } = await startPrivate();
    hub.authorize(() => false);
    const alice = await connect("alice", { presence: ["all"] });
    for (const query of [{}, { users: ["bob"] }, { group: "g" }, { users: ["alice"] }])
      expect(await see(alice, query)).toBe("no");
    for (const query of [{ all: true }, { users: ["bob"] }])
      expect(await answerOf(alice.request("presence.watch", query))).toBe("no");
    expect(await answerOf(alice.request("group.members", { group: "g" }))).toBe("no");
  });

  it("allows by true alone", async () => {
    const { hub, connect } = await startPrivate();
    hub.authorize((async () => "yes") as never);
    expect(await join(await connect("alice"))).toBe("no");
    hub.authorize((() => 1) as never);
    expect(await join(await connect("alice"))).toBe("no");
  });
});

describe("rights are asked again", () => {
  it("at a renewal: by the grants of the new token", async () => {
    const { hub, connect } = await startPrivate();
    const alice = await connect("alice", { join: ["group:*"], presence: ["all"] });
    for (const group of ["a", "b"]) expect(await join(alice, group)).toBe("yes");
    await hub.group("durable").add("alice");
    await alice.request("presence.watch", { all: true });
    await alice.request("presence.watch", { users: ["bob"] });

    const token = await tokenOf("alice", { join: ["group:a"], presence: ["user:carol"] });
    expect(await alice.request("robot.login", { token })).toMatchObject({ data: { user: "alice" } });

    expect(alice.frames.filter(({ event }) => event === "notice")).toMatchObject([
      { code: "forbidden", data: { channel: "group:b" } },
    ]);
    for (const group of ["a", "b", "durable"]) await hub.group(group).send({ type: group });
    await connect("bob");
    await alice.frame("durable");
    await alice.caughtUp();
    expect(alice.messages.map(({ type }) => type)).toEqual(["a", "durable"]);
    expect(alice.frames.filter(({ event }) => event === "presence")).toEqual([]);
    expect(await join(alice, "b")).toBe("no");
  });

  it("by refresh: the application's own data have changed", async () => {
    const { hub, connect } = await startPrivate();
    const banned = new Set<string>();
    hub.authorize(async (request) => !banned.has(request.channel));
    const [one, other] = [await connect("alice"), await connect("alice")];
    for (const peer of [one, other]) expect(await join(peer)).toBe("yes");
    banned.add("group:g");

    expect(await hub.user("alice").refresh()).toEqual({ connections: 2, unconfirmed: 0 });

    for (const peer of [one, other])
      expect(await peer.frame("notice")).toMatchObject({ code: "forbidden", data: { channel: "group:g" } });
    expect(await hub.presence.inGroup("g")).toEqual([]);
    expect(await hub.user("nobody").refresh()).toEqual({ connections: 0, unconfirmed: 0 });
  });

  it("but not for groups to which the application has joined the connection, until it makes it leave", async () => {
    const { hub, connect } = await startPrivate();
    hub.action("app.enter", ({ connection }) => hub.group("given").join(connection));
    hub.action("app.exit", ({ connection }) => hub.group("given").leave(connection));
    const alice = await connect("alice");
    expect(await alice.request("app.enter")).toMatchObject({ data: true });
    await hub.user("alice").refresh();
    expect(await hub.presence.inGroup("given")).toEqual(["alice"]);
    expect(await alice.request("app.exit")).toMatchObject({ data: true });
    expect(await hub.presence.inGroup("given")).toEqual([]);
    expect(await join(alice, "given")).toBe("no");
    expect(alice.frames.filter(({ event }) => event === "notice")).toEqual([]);
  });

  it("a policy that fails takes nothing away, and the renewal fails", async () => {
    const { hub, connect } = await startPrivate();
    const alice = await connect("alice", { join: ["group:g"] });
    expect(await join(alice)).toBe("yes");
    hub.authorize(() => {
      throw new Error("a bug");
    });
    expect(await alice.request("robot.login", { token: await tokenOf("alice") })).toMatchObject({
      error: { code: "internal" },
    });
    await expect(hub.user("alice").refresh()).rejects.toThrow("a bug");
    expect(await hub.presence.inGroup("g")).toEqual(["alice"]);
  });
});

describe("a token", () => {
  it("is minted by the hub and by the API, with escaped ids", async () => {
    const { hub, at, url } = await startHub({ jwt: { secret: SECRET }, apiKey: SECRET });
    const can = { join: [{ group: "a*" }, "group:team-*"] };
    const response = await fetch(`${at.url}/tokens`, {
      method: "POST",
      headers: { "x-api-key": SECRET, "content-type": "application/json" },
      body: JSON.stringify({ user: "alice", can }),
    });
    const { token } = (await response.json()) as { token: string };
    for (const each of [token, await hub.token({ user: "alice", can })]) {
      const alice = await connectPeer(url({ token: each }));
      expect(await join(alice, "a*")).toBe("yes");
      expect(await join(alice, "ab")).toBe("no");
      expect(await join(alice, "team-1")).toBe("yes");
    }
  });

  it("is refused for grants that are none, when it is minted and when it is shown", async () => {
    const { hub, at } = await startHub({ jwt: { secret: SECRET }, apiKey: SECRET });
    await expect(hub.token({ user: "alice", can: { join: ["chess"] } })).rejects.toMatchObject({
      code: "bad_request",
      message: expect.stringContaining("can: join: expected"),
    });
    for (const can of [{ join: ["chess"] }, { jion: ["group:a"] }, { join: [{ group: "" }] }, "all"]) {
      const response = await fetch(`${at.url}/tokens`, {
        method: "POST",
        headers: { "x-api-key": SECRET, "content-type": "application/json" },
        body: JSON.stringify({ user: "alice", can }),
      });
      expect({ can, status: response.status }).toEqual({ can, status: 400 });
    }
    const own = await startHub({
      auth: { mode: "token", authenticate: async () => ({ user: "alice", can: { join: [7] } as never }) },
    });
    const peer = await connectPeer(own.url({ token: "x" })).catch((error: Error) => error);
    expect(peer).toBeInstanceOf(Error);
  });

  it("cannot be minted without a secret", async () => {
    const { hub } = await startHub();
    await expect(hub.token({ user: "alice" })).rejects.toMatchObject({ code: "not_found" });
  });
});
