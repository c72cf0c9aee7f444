import { describe, expect, it } from "vitest";
import { setServerAdmin } from "../../../src/chat/chat.ts";
import { eventually } from "../../support/eventually.ts";
import { callWith } from "../scene.ts";
import { type Start, texts } from "./start.ts";

/** Friends and blocks. */
export function friendSuite(title: string, start: Start): void {
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

    it("makes two users friends who ask each other at once", async () => {
      const scene = await start();
      const pairs = Array.from({ length: 8 }, (_, index) => [`a${index}`, `b${index}`] as const);
      await scene.users(...pairs.flat());
      const both = pairs.flatMap(([one, other]) => [
        scene.ok(one, "befriend", { user: other }),
        scene.ok(other, "befriend", { user: one }),
      ]);
      const states = (await Promise.all(both)).map(({ state }) => state);
      expect(states.sort()).toEqual([...pairs.map(() => "friend"), ...pairs.map(() => "requested")]);
      for (const [one, other] of pairs)
        expect(await scene.ok(one, "friends")).toMatchObject({ friends: [{ user: other }], sent: [] });
    });

    it("tells a user once of a request and of an invitation, however often they are repeated", async () => {
      const scene = await start();
      const group = await scene.group("alice");
      await scene.users("bob");
      for (let time = 0; time < 3; time++) {
        expect(await scene.ok("alice", "befriend", { user: "bob" })).toEqual({ state: "requested" });
        await scene.ok("alice", "invite", { group, user: "bob" });
      }
      const { messages } = await scene.hub.user("bob").history();
      expect(messages.map(({ type }) => type)).toEqual(["chat.friend", "chat.invited"]);
    });

    it("bounds the searches of a user by names, and of that user alone", async () => {
      const scene = await start({ chat: { limits: { searchesPerMinute: 2 } } });
      const search = async (user: string) => (await scene.call(user, "search", { text: "x" })).status;
      const statuses: number[] = [];
      for (let time = 0; time < 6; time++) statuses.push(await search("eve")); // each node counts
      expect([statuses[0], statuses.at(-1)]).toEqual([200, 429]);
      expect(await search("bob")).toBe(200);
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

    it("lists everybody who is online to those who may see it, and friends to others", async () => {
      const scene = await start();
      await scene.friends("alice", "bob");
      await scene.friends("alice", "carol");
      await scene.friends("alice", "away");
      await scene.users("root");
      for (const user of ["alice", "bob", "carol", "dave"]) await scene.peer(user);
      const online = async (user: string, page: object = {}) => scene.ok(user, "online", page);
      await eventually("they are online", async () => (await scene.hub.presence.count()).users === 4);
      const friends = ["bob", "carol"].map((user) => ({ user, name: user }));
      expect(await online("alice")).toEqual({ users: friends, count: 2, of: "friends" });
      expect(await online("alice", { limit: 1 })).toMatchObject({ users: [{ user: "bob" }], cursor: "bob" });
      const last = await online("alice", { limit: 1, cursor: "bob" });
      expect([last.users, last.cursor]).toMatchObject([[{ user: "carol" }], undefined]);
      expect(await online("dave")).toEqual({ users: [], count: 0, of: "friends" });
      const everybody = { count: 4, of: "everyone" };
      const granted = await scene.hub.token({ user: "erin", can: { presence: ["all"] } });
      const { body } = await callWith(scene.running.at.url, granted, "online", {});
      expect(body).toMatchObject(everybody);
      const root = await scene.peer("root");
      const watch = () => root.request("presence.watch", { all: true });
      expect(await watch()).toMatchObject({ error: { code: "forbidden" } });
      await setServerAdmin(scene.database, "root", true);
      expect(await online("root")).toMatchObject({ ...everybody, count: 5 });
      expect(await watch()).toMatchObject({ data: { count: 5 } });
    });
  });
}
