import { describe, expect, it } from "vitest";
import { setServerAdmin } from "../../../src/chat/chat.ts";
import { eventually } from "../../support/eventually.ts";
import type { Peer } from "../../support/peer.ts";
import { addMembers } from "../large.ts";
import { type Start, texts } from "./start.ts";

/** Groups: members, owners, invitations, announcements. */
export function groupSuite(title: string, start: Start): void {
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

    it("gathers everybody who is online in one group, by a server administrator", async () => {
      const scene = await start();
      await scene.users("alice", "bob", "carol", "away");
      const [alice, bob, carol] = [
        await scene.peer("alice"),
        await scene.peer("bob"),
        await scene.peer("carol"),
      ];
      expect(await scene.code("alice", "gather", { name: "All hands" })).toBe("forbidden");
      expect(await scene.ok("alice", "profile")).toMatchObject({ mayGather: false });
      await setServerAdmin(scene.database, "alice", true);
      const { group, members } = await scene.ok("alice", "gather", { name: "All hands" });
      expect(members).toBe(3);
      await bob.frame("chat.changed");
      await scene.ok("carol", "send", { group, text: "aye" });
      for (const peer of [alice, bob])
        expect(await peer.frame("chat")).toMatchObject({ data: { text: "aye" } });
      expect((await carol.request("chat.group", { group })).data).toMatchObject({
        role: "member",
        members: 3,
      });
      expect(await scene.code("away", "group", { group })).toBe("not_found");
    });

    it("tells a user's other devices, and members, that their groups have changed", async () => {
      const scene = await start();
      const [phone, laptop] = [await scene.peer("alice", "ios"), await scene.peer("alice")];
      const { data } = await laptop.request("chat.create", { name: "a group", open: true });
      const { group } = data as { group: string };
      expect(await phone.frame("chat.changed")).toMatchObject({ data: { what: "groups" } });
      await laptop.caughtUp();
      const changes = ({ messages }: Peer): number =>
        messages.filter(({ type }) => type === "chat.changed").length;
      expect(changes(laptop)).toBe(0);
      const { data: other } = await laptop.request("chat.create", { name: "another" });
      await laptop.request("chat.leave", { group: (other as { group: string }).group });
      // The device that leaves as well: a count of unread messages on it hears nothing more of the group.
      await eventually("both devices hear of the leave", () => changes(laptop) === 1 && changes(phone) === 3);
      await scene.users("bob");
      const bob = await scene.peer("bob");
      await scene.ok("bob", "join", { group });
      await bob.frame("chat.changed");
      await scene.ok("alice", "deleteGroup", { group });
      await eventually(
        "bob hears that it has ended",
        () => bob.messages.filter(({ type }) => type === "chat.changed").length === 2,
      );
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
      const last = alice.messages.findLast(({ type }) => type === "chat.joined");
      expect(last).toMatchObject({ data: { members: 4 } });
    });
  });
}
