import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { Peer } from "../support/peer.ts";
import { addMembers } from "./large.ts";
import type { Scene, SceneOptions } from "./scene.ts";

type Start = (options?: Pick<SceneOptions, "chat" | "hub">) => Promise<Scene>;

/** Texts that would change the meaning of a query if they were part of it. */
const INJECTIONS = [
  "' OR '1'='1",
  "'; DROP TABLE chat_account; --",
  'x"; DELETE FROM chat_member; --',
  "%",
  "_",
  "\\",
  "') UNION SELECT password FROM chat_account --",
  "$1 ? :name @p",
];

const NAMES = [
  "Ålesund",
  "Ελένη",
  "Ольга",
  "שירה",
  "ليلى",
  "प्रिया",
  "สมชาย",
  "李小龍",
  "さくら",
  "김민준",
  "አበበ",
  "👩‍🚀 Ada",
  "𝔘𝔫𝔦",
  "Zoë von Ünïcødé",
];

const texts = (peer: Peer): unknown[] =>
  peer.messages.filter(({ type }) => type === "chat").map(({ data }) => (data as { text: string }).text);

/** The chat as users see it, on any database and any number of nodes. */
export function chatSuite(title: string, start: Start): void {
  describe(`the chat on ${title}: accounts`, () => {
    it("registers, logs in, refreshes once and changes the password", async () => {
      const scene = await start();
      const registered = await scene.ok(undefined, "register", { user: "alice", password: "correct horse" });
      expect(registered).toMatchObject({ user: "alice", expiresAt: expect.any(Number) });
      expect(await scene.code(undefined, "register", { user: "ALICE", password: "another one" })).toBe(
        "conflict",
      );
      expect(await scene.code(undefined, "login", { user: "alice", password: "wrong" })).toBe("unauthorized");
      expect(await scene.code(undefined, "login", { user: "nobody", password: "wrong" })).toBe(
        "unauthorized",
      );
      const { token, refreshToken } = await scene.ok(undefined, "login", {
        user: "Alice",
        password: "correct horse",
      });
      const { user } = await (await scene.peer("alice")).frame("welcome");
      expect(user).toBe("alice");
      expect(token).not.toBe(registered.token);
      const next = await scene.ok(undefined, "refresh", { refreshToken });
      expect(next.user).toBe("alice");
      expect(await scene.code(undefined, "refresh", { refreshToken })).toBe("unauthorized");
      const change = { password: "correct horse", newPassword: "battery staple" };
      const changed = await scene.ok("alice", "password", change);
      expect(await scene.code(undefined, "refresh", { refreshToken: next.refreshToken })).toBe(
        "unauthorized",
      );
      expect(await scene.code(undefined, "login", { user: "alice", password: "correct horse" })).toBe(
        "unauthorized",
      );
      await scene.ok(undefined, "logout", { refreshToken: changed.refreshToken });
      expect(await scene.code(undefined, "refresh", { refreshToken: changed.refreshToken })).toBe(
        "unauthorized",
      );
    });

    it("refuses logins after too many failures, also with the right password, and says for how long", async () => {
      const scene = await start({ chat: { limits: { failedLogins: 2 } } });
      await scene.ok(undefined, "register", { user: "bob", password: "the right one" });
      for (let attempt = 0; attempt < 2; attempt++)
        expect(await scene.code(undefined, "login", { user: "bob", password: "a guess" })).toBe(
          "unauthorized",
        );
      const { status, retryAfter } = await scene.call(undefined, "login", {
        user: "bob",
        password: "the right one",
      });
      expect(status).toBe(429);
      expect(Number(retryAfter)).toBeGreaterThan(600);
    });

    it("asks for a token, and takes no key in its place", async () => {
      const apiKey = "an API key of the tests";
      const scene = await start({ hub: { apiKey } });
      expect(await scene.code(undefined, "groups")).toBe("unauthorized");
      const answer = await fetch(`${scene.running.at.url}/chat/groups`, {
        method: "POST",
        headers: { "x-api-key": apiKey },
      });
      expect(answer.status).toBe(401);
      const document = await fetch(`${scene.running.at.url}/openapi.json`, {
        headers: { "x-api-key": apiKey },
      });
      const { paths } = (await document.json()) as { paths: Record<string, { post: { security: unknown } }> };
      expect(paths["/chat/groups"]?.post.security).toEqual([{ user: [] }]);
      expect(paths["/chat/login"]?.post.security).toEqual([]);
    });

    it("takes names of every script, and texts that look like SQL, as they are", async () => {
      const scene = await start();
      for (const name of [...NAMES, ...INJECTIONS]) {
        await scene.ok(name, "update", { name: `${name} the user` });
        expect(await scene.ok(name, "profile")).toEqual({ user: name.trim(), name: `${name} the user` });
        const { users } = await scene.ok("alice", "search", { text: `${name} the` });
        expect(users.map((each: { user: string }) => each.user)).toEqual([name]);
      }
      // A hash takes its time, so only some of them log in.
      for (const name of INJECTIONS.slice(0, 2))
        expect(await scene.code(undefined, "login", { user: name, password: name })).toBe("unauthorized");
      const bad = [`a\u0000b`, "\ud800", "", " ", "x".repeat(101)];
      for (const name of bad) expect(await scene.code("alice", "update", { name })).toBe("bad_request");
      expect(await scene.code("alice", "update", { picture: "http://example.com/a.png" })).toBe(
        "bad_request",
      );
      await scene.ok("alice", "update", { picture: "https://example.com/a.png" });
      expect(await scene.ok("bob", "profile", { user: "alice" })).toMatchObject({
        picture: "https://example.com/a.png",
      });
    });
  });

  describe(`the chat on ${title}: groups`, () => {
    it("stops messages to a removed member's open connection at once, and refuses what the connection sends", async () => {
      const scene = await start();
      const group = await scene.group("alice", "bob", "carol");
      const [bob, carol] = [await scene.peer("bob"), await scene.peer("carol")];
      await scene.ok("alice", "send", { group, text: "one" });
      await eventually("both have it", () => texts(bob).length === 1 && texts(carol).length === 1);
      await scene.ok("alice", "remove", { group, user: "bob" });
      await scene.ok("alice", "send", { group, text: "two" });
      await eventually("carol has it", () => texts(carol).length === 2);
      await bob.frame("chat.removed");
      await bob.caughtUp();
      expect(texts(bob)).toEqual(["one"]);
      const reply = await bob.request("message.send", { type: "chat", group, data: { text: "no" } });
      expect(reply.error).toMatchObject({ code: "forbidden" });
      expect(await scene.code("bob", "send", { group, text: "no" })).toBe("not_found");
      expect(await scene.code("bob", "history", { group })).toBe("not_found");
      expect((await bob.request("group.join", { group })).error).toMatchObject({ code: "forbidden" });
      const again = await scene.peer("bob", "ios");
      await scene.ok("alice", "send", { group, text: "three" });
      await eventually("carol has it", () => texts(carol).length === 3);
      await again.caughtUp();
      expect(texts(again)).toEqual([]);
    });

    it("shows nothing of somebody else's closed group, and lets nobody into it", async () => {
      const scene = await start();
      const { group } = await scene.ok("alice", "create", { name: "secret" });
      await scene.ok("alice", "send", { group, text: "for us" });
      const { group: missing } = { group: "chat:none" };
      for (const [operation, more] of Object.entries({
        group: {},
        members: {},
        history: {},
        send: { text: "hello" },
        join: {},
        leave: {},
        edit: { name: "mine" },
        deleteGroup: {},
        remove: { user: "alice" },
        invite: { user: "alice" },
        role: { user: "alice", role: "member" },
        read: {},
        readers: {},
        typing: {},
        search: { text: "us" },
      })) {
        await scene.users("alice", "mallory");
        const codes = [group, missing].map((each) =>
          scene.code("mallory", operation, { group: each, ...more }),
        );
        expect([operation, ...(await Promise.all(codes))]).toEqual([operation, "not_found", "not_found"]);
      }
      const mallory = await scene.peer("mallory");
      for (const [action, data] of Object.entries({
        "group.join": { group },
        "message.history": { channel: `group:${group}` },
        "message.send": { group, type: "chat", data: { text: "hello" } },
        "group.members": { group },
      })) {
        expect([action, (await mallory.request(action, data)).error]).toMatchObject([
          action,
          { code: "forbidden" },
        ]);
      }
      expect(await scene.ok("mallory", "search", { text: "secret" })).toMatchObject({ groups: [] });
      // The same over the WebSocket.
      expect((await mallory.request("chat.history", { group })).error).toMatchObject({ code: "not_found" });
    });

    it("passes a group on when its owner leaves, and ends an empty one", async () => {
      const scene = await start();
      const group = await scene.group("alice", "bob", "carol");
      await scene.ok("alice", "role", { group, user: "carol", role: "admin" });
      expect(await scene.code("bob", "edit", { group, name: "ours" })).toBe("forbidden");
      await scene.ok("carol", "edit", { group, name: "ours" });
      expect(await scene.code("carol", "remove", { group, user: "alice" })).toBe("forbidden");
      await scene.ok("alice", "leave", { group });
      expect(await scene.ok("carol", "group", { group })).toMatchObject({
        role: "owner",
        members: 2,
        name: "ours",
      });
      await scene.ok("carol", "leave", { group });
      expect(await scene.ok("bob", "group", { group })).toMatchObject({ role: "owner", members: 1 });
      await scene.ok("bob", "leave", { group });
      expect(await scene.code("bob", "group", { group })).toBe("not_found");
      expect(await scene.hub.group(group).count()).toEqual({ online: 0, durable: 0 });
    });

    it("invites into a closed group, which invited users join or decline", async () => {
      const scene = await start();
      await scene.users("bob", "carol");
      const { group } = await scene.ok("alice", "create", { name: "a closed one", maxMembers: 2 });
      const bob = await scene.peer("bob");
      expect(await scene.code("alice", "invite", { group, user: "nobody" })).toBe("not_found");
      for (const user of ["bob", "carol"]) await scene.ok("alice", "invite", { group, user });
      expect(await bob.frame("chat.invited")).toMatchObject({ data: { group, by: "alice" } });
      expect(await scene.ok("bob", "invitations")).toMatchObject({ invitations: [{ group, by: "alice" }] });
      await scene.ok("bob", "join", { group });
      expect(await scene.code("bob", "join", { group })).toBe("not_found");
      expect(await scene.code("carol", "join", { group })).toBe("conflict"); // it is full
      await scene.ok("carol", "decline", { group });
      expect(await scene.code("carol", "join", { group })).toBe("not_found");
      await scene.ok("alice", "send", { group, text: "welcome" });
      expect(await bob.frame("chat")).toMatchObject({ from: "alice", group, data: { text: "welcome" } });
    });

    it("carries a group of 10,000 members, and refuses one more", async () => {
      const scene = await start();
      const group = await scene.group("owner");
      const users = Array.from({ length: 9_999 }, (_, index) => `member-${String(index).padStart(4, "0")}`);
      await addMembers(scene, group, users);
      expect(await scene.hub.group(group).count()).toMatchObject({ durable: 10_000 });
      expect(await scene.code("late", "join", { group })).toBe("conflict");
      const member = await scene.peer("member-9998");
      await scene.ok("owner", "send", { group, text: "hello, all" });
      expect(await member.frame("chat")).toMatchObject({ data: { text: "hello, all" } });
      const first = await scene.ok("owner", "members", { group, limit: 200 });
      expect(first).toMatchObject({ cursor: "member-0199" });
      const last = await scene.ok("owner", "members", { group, limit: 200, cursor: "member-9900" });
      expect(last.members).toHaveLength(99);
      await scene.ok("owner", "remove", { group, user: "member-9998" });
      await scene.ok("late", "join", { group });
      await scene.ok("owner", "deleteGroup", { group });
      expect(await scene.hub.group(group).count()).toMatchObject({ durable: 0 });
    });

    it("announces joins together, and to everyone only by a server administrator", async () => {
      const scene = await start();
      const group = await scene.group("alice");
      expect(await scene.code("alice", "edit", { group, announce: "everyone" })).toBe("forbidden");
      await scene.ok("alice", "edit", { group, announce: "group" });
      const alice = await scene.peer("alice");
      await Promise.all(["bob", "carol", "dave"].map((user) => scene.ok(user, "join", { group })));
      const joined = (): unknown[] =>
        alice.messages
          .filter(({ type }) => type === "chat.joined")
          .flatMap(({ data }) => (data as { users: string[] }).users);
      await eventually("alice hears of all", () => joined().length === 3);
      expect(joined().sort()).toEqual(["bob", "carol", "dave"]);
    });
  });

  describe(`the chat on ${title}: friends`, () => {
    it("refuses the message of a deleted friend, and of a blocked user on every way", async () => {
      const scene = await start();
      await scene.users("alice", "bob");
      expect(await scene.code("alice", "send", { to: "bob", text: "hello" })).toBe("forbidden");
      const bob = await scene.peer("bob");
      expect(await scene.ok("alice", "befriend", { user: "bob" })).toEqual({ state: "requested" });
      expect(await bob.frame("chat.friend")).toMatchObject({ data: { user: "alice", state: "requested" } });
      expect(await scene.ok("bob", "befriend", { user: "alice" })).toEqual({ state: "friend" });
      const { group } = await scene.ok("alice", "send", { to: "bob", text: "hello" });
      expect(await bob.frame("chat")).toMatchObject({ from: "alice", group, data: { text: "hello" } });
      expect(await scene.ok("bob", "open", { to: "alice" })).toEqual({ group });
      await scene.ok("bob", "unfriend", { user: "alice" });
      const alice = await scene.peer("alice");
      const refusals = async (): Promise<unknown[]> => [
        await scene.code("alice", "send", { to: "bob", text: "no" }),
        await scene.code("alice", "typing", { to: "bob" }),
        (await alice.request("message.send", { group, type: "chat", data: { text: "no" } })).error,
        (await alice.request("message.send", { to: "bob", type: "chat", data: { text: "no" } })).error,
      ];
      const forbidden = { code: "forbidden" };
      expect(await refusals()).toMatchObject(["forbidden", "forbidden", forbidden, forbidden]);
      // The past stays readable.
      expect((await scene.ok("bob", "history", { to: "alice" })).messages).toHaveLength(1);
      await scene.friends("alice", "bob");
      await scene.ok("bob", "block", { user: "alice" });
      expect(await refusals()).toMatchObject(["forbidden", "forbidden", forbidden, forbidden]);
      expect(await scene.code("alice", "befriend", { user: "bob" })).toBe("forbidden");
      expect(await scene.ok("bob", "friends")).toMatchObject({ friends: [], blocked: [{ user: "alice" }] });
      await scene.ok("bob", "unblock", { user: "alice" });
      await scene.friends("alice", "bob");
      await scene.ok("alice", "send", { to: "bob", text: "again" });
      await eventually("bob has it", () => texts(bob).length === 2);
      expect(texts(bob)).toEqual(["hello", "again"]);
    });

    it("lists friends and requests of both sides", async () => {
      const scene = await start();
      await scene.friends("alice", "bob");
      await scene.users("carol", "dave");
      await scene.ok("alice", "befriend", { user: "carol" });
      await scene.ok("dave", "befriend", { user: "alice" });
      expect(await scene.ok("alice", "friends")).toMatchObject({
        friends: [{ user: "bob" }],
        sent: [{ user: "carol" }],
        received: [{ user: "dave" }],
        blocked: [],
      });
      await scene.ok("alice", "unfriend", { user: "dave" });
      expect(await scene.ok("dave", "friends")).toMatchObject({ sent: [] });
    });
  });

  describe(`the chat on ${title}: messages`, () => {
    it("counts unread messages, keeps them for absent members, and shows read marks to the sender", async () => {
      const scene = await start();
      const group = await scene.group("alice", "bob");
      for (const text of ["one", "two", "three"]) await scene.ok("alice", "send", { group, text });
      const unreadOf = async (user: string): Promise<number> =>
        (await scene.ok(user, "groups")).groups[0].unread;
      expect(await unreadOf("bob")).toBe(3);
      const alice = await scene.peer("alice");
      await eventually("one's own messages are read", async () => (await unreadOf("alice")) === 0);
      const bob = await scene.peer("bob");
      await bob.take(3, ({ type }) => type === "chat");
      expect(texts(bob)).toEqual(["one", "two", "three"]);
      expect(await scene.ok("bob", "read", { group, offset: 2 })).toMatchObject({ offset: 2, unread: 1 });
      expect(await alice.frame("chat.read")).toMatchObject({
        from: "bob",
        group,
        data: { user: "bob", offset: 2 },
      });
      expect(await unreadOf("bob")).toBe(1);
      expect(await scene.ok("alice", "readers", { group, offset: 2 })).toEqual({
        count: 2,
        members: [
          { user: "alice", offset: 3 },
          { user: "bob", offset: 2 },
        ],
      });
      await bob.request("chat.typing", { group });
      expect(await alice.frame("chat.typing")).toMatchObject({ from: "bob", group, data: { user: "bob" } });
      // A client may write as the SDK does, without the chat's action.
      await bob.request("message.send", { group, type: "chat", data: { text: "four" } });
      await eventually("alice has it", () => texts(alice).includes("four"));
      await eventually("bob has read it", async () => (await unreadOf("bob")) === 0);
      const { messages, more } = await scene.ok("bob", "history", { group, limit: 2, before: 4 });
      expect(messages.map((each: { data: { text: string } }) => each.data.text)).toEqual(["two", "three"]);
      expect(more).toBe(true);
      const found = await scene.ok("bob", "search", { text: "FOU", group });
      expect(found.messages).toMatchObject([{ offset: 4, from: "bob" }]);
    });

    it("takes pictures, voice and video by https only, and sends a repeated key once", async () => {
      const scene = await start();
      const group = await scene.group("alice", "bob");
      const bob = await scene.peer("bob");
      const url = "https://example.com/%E2%9C%93.png?a=b";
      await scene.ok("alice", "send", { group, picture: url, text: "look" });
      expect(await bob.frame("chat")).toMatchObject({ data: { picture: url, text: "look" } });
      await scene.ok("alice", "send", { group, voice: "https://example.com/a.ogg" });
      const bad = [
        {},
        { text: "" },
        { picture: "http://example.com/a.png" },
        { picture: "javascript:alert(1)" },
        { picture: "data:image/png;base64,AAAA" },
        { picture: "//example.com/a.png" },
        { picture: "https://user:password@example.com/a.png" },
        { picture: `https://example.com/${"a".repeat(2_100)}` },
        { picture: url, video: url },
        { video: 7 },
        { text: "\ud800" },
      ];
      const alice = await scene.peer("alice");
      for (const content of bad) {
        expect([content, await scene.code("alice", "send", { group, ...content })]).toEqual([
          content,
          "bad_request",
        ]);
        const { error } = await alice.request("message.send", { group, type: "chat", data: content });
        expect([content, error]).toMatchObject([content, { code: "bad_request" }]);
      }
      const { error } = await alice.request("message.send", { group, type: "chat.read", data: {} });
      expect(error).toMatchObject({ code: "forbidden" });
      const first = await scene.ok("alice", "send", { group, text: "once", key: "k" });
      expect(await scene.ok("alice", "send", { group, text: "once", key: "k" })).toMatchObject({
        id: first.id,
      });
      expect(await scene.ok("bob", "send", { group, text: "mine", key: "k" })).not.toMatchObject({
        id: first.id,
      });
    });

    it("refuses a text of 1 MiB on every way, and takes the longest one", async () => {
      const scene = await start({ hub: { websocket: { maxMessageSize: 4_194_304 } } });
      const group = await scene.group("alice", "bob");
      const bob = await scene.peer("bob");
      const large = "x".repeat(1_048_576);
      expect(await scene.code("alice", "send", { group, text: large })).toBe("bad_request");
      const alice = await scene.peer("alice");
      expect((await alice.request("chat.send", { group, text: large })).error).toMatchObject({
        code: "bad_request",
      });
      const native = await alice.request("message.send", { group, type: "chat", data: { text: large } });
      expect(native.error).toMatchObject({ code: "bad_request" });
      const longest = "é".repeat(65_536);
      await scene.ok("alice", "send", { group, text: longest });
      expect(await bob.frame("chat")).toMatchObject({ data: { text: longest } });
    });

    it("asks the application's policy too: what it refuses stays refused", async () => {
      const frozen = new Set<string>();
      const scene = await start({
        chat: { authorize: ({ channel, verb }) => !(verb === "send" && frozen.has(channel)) },
      });
      const group = await scene.group("alice", "bob");
      await scene.ok("alice", "send", { group, text: "one" });
      frozen.add(`group:${group}`);
      expect(await scene.code("alice", "send", { group, text: "two" })).toBe("forbidden");
      const alice = await scene.peer("alice");
      const { error } = await alice.request("message.send", { group, type: "chat", data: { text: "two" } });
      expect(error).toMatchObject({ code: "forbidden" });
      expect((await scene.ok("bob", "history", { group })).messages).toHaveLength(1);
    });
  });
}
