import { describe, expect, it, onTestFinished } from "vitest";
import { createChat } from "../../../src/chat/chat.ts";
import { connect } from "../../../src/client/client.ts";
import { type Authenticator, TidingsError } from "../../../src/index.ts";
import { startHub } from "../../support/hub.ts";
import { SECRET } from "../../support/keys.ts";
import { connectPeer, Peer } from "../../support/peer.ts";
import { answerOf, send, tokenOf, visit } from "./scene.ts";

const jwt = { secret: SECRET };

describe("a visitor without a token", () => {
  it("is refused by default", async () => {
    const { url } = await startHub({ jwt });
    const peer = new Peer(url());
    peer.socket.on("open", () => peer.send({ id: 1, action: "robot.login" }));
    expect((await peer.closed).code).toBe(4500);
  });

  it("gets a random user of its own at each login", async () => {
    const { hub, url } = await startHub({ jwt, policy: { anonymous: true } });
    const [one, other] = [await visit(url()), await visit(url())];
    const users = [one, other].map(({ frames }) => String(frames[0]?.user));
    for (const user of users) expect(user).toMatch(/^anonymous-[\w-]{16}$/);
    expect(users[0]).not.toBe(users[1]);
    await hub.user(users[0] ?? "").send({ type: "hello" });
    await one.frame("hello");
  });

  it("is known to actions, and has no part in the chat, whatever name an authenticator gives it", async () => {
    const auth: Authenticator = {
      mode: "token",
      authenticate: async ({ token = "" }) => ({ user: token, anonymous: token === "guest" }),
      mint: async ({ user }) => user,
    };
    const { hub, url } = await startHub({ auth });
    const chat = createChat({ hub, database: "sqlite::memory:" });
    onTestFinished(() => chat.close());
    hub.action("app.who", ({ user, anonymous }) => ({ user, anonymous }));
    const [guest, alice] = await Promise.all(["guest", "alice"].map((token) => connectPeer(url({ token }))));
    const ask = (action: string) => [guest, alice].map((peer) => peer?.request(action, {}));
    expect(await Promise.all(ask("app.who"))).toMatchObject([
      { data: { user: "guest", anonymous: true } },
      { data: { user: "alice", anonymous: false } },
    ]);
    expect(await Promise.all(ask("chat.groups"))).toMatchObject([
      { error: { code: "forbidden" } },
      { data: { groups: [] } },
    ]);
  });

  it("hears messages to everyone only with a grant, and users with a token hear them always", async () => {
    for (const [anonymous, hears] of [
      [true, false],
      [{ history: ["all"] }, true],
      [{ join: ["all"] }, true],
    ] as const) {
      const { hub, url } = await startHub({ jwt, policy: { anonymous } });
      const before = await connectPeer(url({ token: await tokenOf("alice") }));
      const visitor = await visit(url());
      const after = await connectPeer(url({ token: await tokenOf("bob") }));
      await hub.broadcast({ type: "stored" });
      await hub.broadcast({ type: "live", ephemeral: true });
      await Promise.all([before, after].map((peer) => peer.frame("live")));
      await visitor.caughtUp();
      expect(visitor.messages.map(({ type }) => type)).toEqual(hears ? ["stored", "live"] : []);
      const epoch = "e";
      for (const [action, data] of [
        ["message.resume", { channel: "all", epoch, offset: 0 }],
        ["message.ack", { channel: "all", offset: 1 }],
      ] as const)
        expect(await answerOf(visitor.request(action, data))).toBe(hears ? "yes" : "no");
      visitor.end();
      await hub.broadcast({ type: "last" });
      await Promise.all([before, after].map((peer) => peer.frame("last")));
    }
  });

  it("is not `anyone`, and may speak in a group that it was let into", async () => {
    const open = { join: "anyone", sendToUser: "anyone", broadcast: "anyone", presence: "anyone" } as const;
    const { url } = await startHub({ jwt, policy: { ...open, anonymous: { join: ["group:lobby"] } } });
    const visitor = await visit(url());
    expect(await answerOf(send(visitor, { to: "bob" }))).toBe("no");
    expect(await answerOf(send(visitor, {}))).toBe("no");
    expect(await answerOf(visitor.request("presence.get", {}))).toBe("no");
    expect(await answerOf(visitor.request("group.join", { group: "board" }))).toBe("no");
    expect(await answerOf(visitor.request("group.join", { group: "lobby" }))).toBe("yes");
    expect(await answerOf(send(visitor, { group: "lobby" }))).toBe("yes");
  });

  it("is known to the policy of the application, and its own authenticator is asked first", async () => {
    const { hub, url } = await startHub({
      policy: { anonymous: true },
      auth: {
        mode: "token",
        async authenticate({ token }) {
          if (token === "alice") return { user: "alice" };
          throw new TidingsError("unauthorized", "no");
        },
      },
    });
    hub.authorize(({ anonymous }) => !anonymous);
    expect(await answerOf((await visit(url())).request("group.join", { group: "g" }))).toBe("no");
    const alice = await connectPeer(url({ token: "alice" }));
    expect(await answerOf(alice.request("group.join", { group: "g" }))).toBe("yes");
  });

  it("is one by a login message only: a token may follow the request", async () => {
    const asked: (boolean | undefined)[] = [];
    const { url } = await startHub({
      policy: { anonymous: true },
      auth: {
        mode: "token",
        async authenticate({ token, byMessage }) {
          asked.push(byMessage);
          return token === undefined ? undefined : { user: token };
        },
      },
    });
    const alice = new Peer(url());
    alice.socket.on("open", () => alice.send({ id: 1, action: "robot.login", data: { token: "alice" } }));
    expect(await alice.frame("welcome")).toMatchObject({ user: "alice" });
    expect(asked).toEqual([undefined, true]);
    alice.end();
    expect((await visit(url())).frames[0]?.user).toMatch(/^anonymous-/);
  });

  it("counts as a login of the address", async () => {
    const { url } = await startHub({
      jwt,
      policy: { anonymous: true },
      limits: { loginsPerAddress: "1-M", whitelistCIDRs: [] },
    });
    await visit(url());
    const peer = new Peer(url());
    peer.socket.on("open", () => peer.send({ id: 1, action: "robot.login" }));
    expect((await peer.closed).code).toBe(4006);
  });

  it("with a token that is not valid is refused all the same", async () => {
    const { url } = await startHub({ jwt, policy: { anonymous: true } });
    const peer = new Peer(url());
    peer.socket.on("open", () => peer.send({ id: 1, action: "robot.login", data: { token: "x" } }));
    expect((await peer.closed).code).toBe(4500);
  });

  it("connects by the SDK", async () => {
    const { url } = await startHub({ jwt, policy: { anonymous: { join: ["group:lobby"] } } });
    const client = connect(url(), { anonymous: true });
    await client.ready;
    expect(await client.join("lobby")).toMatchObject({ channel: "group:lobby" });
    await client.close();
  });
});

it.each([
  [{ jion: ["group:a"] }, "policy.anonymous: expected true, false or an object of grants"],
  [{ join: ["chess"] }, "policy.anonymous: expected true, false or an object of grants"],
  ["maybe", "policy.anonymous: expected true, false or an object of grants"],
])("bad grants of visitors are an error: %j", async (anonymous, problem) => {
  await expect(startHub({ jwt, policy: { anonymous: anonymous as never } })).rejects.toThrow(problem);
});
