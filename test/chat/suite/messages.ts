import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type Start, texts } from "./start.ts";

/** Messages: history, unread counts, content, rights. */
export function messageSuite(title: string, start: Start): void {
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
      await scene.ok("alice", "send", { group, text: "five" });
      await scene.ok("bob", "send", { group, text: "written before I saw it", read: false });
      expect(await unreadOf("bob")).toBe(1);
      const { messages, more } = await scene.ok("bob", "history", { group, limit: 2, before: 4 });
      expect(messages.map((each: { data: { text: string } }) => each.data.text)).toEqual(["two", "three"]);
      expect(more).toBe(true);
      const found = await scene.ok("bob", "search", { text: "FOU", group });
      expect(found.messages).toMatchObject([{ offset: 4, from: "bob" }]);
    });

    it("searches the whole history of a conversation, page by page", async () => {
      const scene = await start({ hub: { history: { count: 5_000 } } });
      const group = await scene.group("alice", "bob");
      // Written by the application: users have limits.
      const write = (from: number, count: number) =>
        scene.hub.batch(
          Array.from({ length: count }, (_, index) => {
            const text = (from + index) % 800 === 1 ? `needle ${from + index}` : "hay";
            return { op: "send", group, type: "chat", data: { text }, from: "alice" };
          }),
        );
      for (let from = 1; from <= 3_000; from += 1_000) await write(from, 1_000);
      const search = async (more: object) => {
        const { messages, cursor } = await scene.ok("bob", "search", { text: "Needle", group, ...more });
        return [messages.map(({ offset }: { offset: number }) => offset), cursor];
      };
      expect(await search({ limit: 2 })).toEqual([[2_401, 1_601], "1601"]);
      expect(await search({ limit: 2, cursor: "1601" })).toEqual([[801, 1], undefined]);
      // A call looks at 2,000 messages.
      expect(await search({})).toEqual([[2_401, 1_601], "1001"]);
      expect(await search({ text: "nowhere" })).toEqual([[], "1001"]);
      expect(await search({ cursor: "1001" })).toEqual([[801, 1], undefined]);
      expect(await scene.code("bob", "search", { text: "x", group, cursor: "x" })).toBe("bad_request");
    });

    it("ends a page of conversations early when their newest messages are large, and goes on behind it", async () => {
      const scene = await start();
      for (let number = 0; number < 5; number++) {
        const group = await scene.group("alice");
        const data = { text: "x".repeat(65_536) };
        await scene.hub.group(group).send({ type: "chat", data, from: "alice" });
      }
      const first = await scene.ok("alice", "groups");
      expect([first.groups.length, first.cursor]).toEqual([4, first.groups[3].group]);
      const last = await scene.ok("alice", "groups", { cursor: first.cursor });
      expect([last.groups.length, last.cursor]).toEqual([1, undefined]);
      expect(new Set([...first.groups, ...last.groups].map(({ group }) => group)).size).toBe(5);
    });

    it("edits and deletes messages: their author may, and who administers the group may delete", async () => {
      const scene = await start();
      const group = await scene.group("alice", "bob", "carol");
      const { id, offset } = await scene.ok("bob", "send", { group, text: "helo" });
      const own = await scene.ok("bob", "send", { group, text: "a secret" });
      const [alice, bob] = [await scene.peer("alice"), await scene.peer("bob")];
      await alice.take(2, ({ type }) => type === "chat");

      const edited = await bob.request("chat.editMessage", { group, offset, id, text: "hello" });
      expect(edited).toMatchObject({ data: { group, offset: 3 } });
      expect(await alice.frame("message.edited")).toMatchObject({
        ...{ from: "bob", group, offset: 3, data: { offset, id, type: "chat", data: { text: "hello" } } },
      });
      expect(await scene.code("alice", "editMessage", { group, offset, id, text: "mine" })).toBe("forbidden");
      expect(await scene.code("bob", "editMessage", { group, offset, id })).toBe("bad_request");
      expect(await scene.code("bob", "editMessage", { group, offset, id: own.id, text: "x" })).toBe(
        "not_found",
      );
      expect(await scene.code("bob", "editMessage", { group, offset: 3, id, text: "x" })).toBe("not_found");
      expect(await scene.code("dave", "editMessage", { group, offset, id, text: "x" })).toBe("not_found");

      expect(await scene.code("carol", "deleteMessage", { group, offset, id: own.id })).toBe("not_found");
      const secret = { group, offset: own.offset, id: own.id };
      expect(await scene.code("carol", "deleteMessage", secret)).toBe("forbidden");
      expect(await scene.ok("alice", "deleteMessage", secret)).toMatchObject({ group, offset: 4 });
      expect(await bob.frame("message.deleted")).toMatchObject({ from: "alice", data: { id: own.id } });
      expect(await scene.code("bob", "editMessage", { ...secret, text: "again" })).toBe("not_found");

      const { messages, more } = await scene.ok("carol", "history", { group });
      expect(messages).toMatchObject([
        { offset, data: { text: "hello" }, editedAt: expect.any(Number) },
        { offset: own.offset, data: null, deletedAt: expect.any(Number) },
      ]);
      expect(more).toBe(false);
      for (const text of ["secret", "helo"])
        expect((await scene.ok("carol", "search", { text, group })).messages).toEqual([]);
      await scene.ok("bob", "send", { group, text: "three" });
      const [known] = (await scene.ok("carol", "groups")).groups;
      expect(known).toMatchObject({ unread: 2, last: { offset: 5 } });
      // Two notices and a deletion are not unread, and who deletes has not read what came before.
      expect((await scene.ok("alice", "groups")).groups[0]).toMatchObject({ unread: 2 });
    });

    it("deletes an edited text whose message is no longer retained", async () => {
      const scene = await start({ hub: { history: { count: 3 } } });
      const group = await scene.group("alice", "bob", "carol");
      await scene.users("dave");
      const { offset, id } = await scene.ok("bob", "send", { group, text: "one" });
      const secret = { group, offset, id };
      await scene.ok("bob", "editMessage", { ...secret, text: "a secret" });
      for (const text of ["two", "three"]) await scene.ok("alice", "send", { group, text });
      expect(await scene.code("bob", "editMessage", { ...secret, text: "new" })).toBe("not_found");
      expect(await scene.code("carol", "deleteMessage", secret)).toBe("forbidden");
      expect(await scene.code("dave", "deleteMessage", secret)).toBe("not_found");
      const alice = await scene.peer("alice");
      await scene.ok("bob", "deleteMessage", secret);
      expect(await alice.frame("message.deleted")).toMatchObject({ from: "bob", data: { offset, id } });
      expect(await scene.code("alice", "deleteMessage", secret)).toBe("not_found");
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
      const hidden = new Set<string>();
      const scene = await start({
        chat: {
          authorize: ({ channel, verb }) =>
            !(verb === "send" && frozen.has(channel)) && !(verb === "history" && hidden.has(channel)),
        },
      });
      const group = await scene.group("alice", "bob");
      await scene.ok("alice", "send", { group, text: "one" });
      frozen.add(`group:${group}`);
      expect(await scene.code("alice", "send", { group, text: "two" })).toBe("forbidden");
      const alice = await scene.peer("alice");
      const { error } = await alice.request("message.send", { group, type: "chat", data: { text: "two" } });
      expect(error).toMatchObject({ code: "forbidden" });
      expect((await scene.ok("bob", "history", { group })).messages).toHaveLength(1);
      expect((await scene.ok("bob", "groups")).groups).toMatchObject([{ last: { data: { text: "one" } } }]);
      hidden.add(`group:${group}`);
      expect(await scene.code("bob", "history", { group })).toBe("forbidden");
      expect((await scene.ok("bob", "groups")).groups[0]).not.toHaveProperty("last");
    });
  });
}
