import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Conversation } from "../../../../web/chat/model/conversation.ts";
import { History } from "../../../../web/chat/model/history.ts";
import type { StoredMessage } from "../../../../web/chat/model/wire.ts";
import { asked } from "./asked.ts";

const GROUP = "chat:crew";

const message = (offset: number, text: string): StoredMessage => ({
  ...{ id: `m${offset}`, offset, type: "chat", data: { text }, from: "bob", timestamp: offset },
});

const page = (...messages: StoredMessage[]) => ({ group: GROUP, epoch: "e", messages, more: false });

const written = (text: string) => ({ kind: "written", text }) as const;

const contents = ({ entries }: Conversation): unknown[] => entries.value.map(({ content }) => content);

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a read mark", () => {
  it("is about what the user saw, not about what came until it was sent", async () => {
    const { ask, calls } = asked({ "chat.read": () => ({ group: GROUP, offset: 0, unread: 0 }) });
    const [conversation, history] = [new Conversation(GROUP), new History(ask)];
    const send = async (): Promise<unknown[]> => {
      await vi.advanceTimersByTimeAsync(1_000);
      return calls.splice(0).map(({ input }) => input);
    };
    conversation.newest = 3;
    history.seen(conversation);
    conversation.newest = 5; // the page is hidden by now
    expect(await send()).toEqual([{ group: GROUP, offset: 3 }]);
    history.seen(conversation);
    conversation.newest = 6;
    history.seen(conversation);
    expect(await send()).toEqual([{ group: GROUP, offset: 6 }]);
    conversation.newest = 7;
    history.seen(conversation);
    conversation.reset();
    expect(await send()).toEqual([]);
  });
});

describe("a page of the history", () => {
  it("has failed, and is asked for again, when the server does not give it", async () => {
    const replies = [Promise.reject(new Error("no time")), Promise.resolve(page(message(1, "one")))];
    const { ask, calls } = asked({
      "chat.history": () => replies.shift(),
      "chat.readers": () => ({ count: 1, members: [{ user: "bob", offset: 1 }] }),
    });
    const [conversation, history] = [new Conversation(GROUP), new History(ask)];
    await expect(history.load(conversation)).rejects.toThrow("no time");
    expect(conversation.loaded.value).toBe("failed");
    await history.load(conversation);
    expect(conversation.loaded.value).toBe("all");
    expect(contents(conversation)).toEqual([written("one")]);
    expect(conversation.readers.value).toEqual(new Map([["bob", 1]]));
    expect(calls.map(({ name }) => name)).toEqual(["chat.history", "chat.history", "chat.readers"]);
  });

  it("does not undo edits and deletions that came while it was on its way", async () => {
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof page>>();
    const { ask } = asked({
      "chat.history": () => promise,
      "chat.readers": () => ({ count: 0, members: [] }),
    });
    const conversation = new Conversation(GROUP);
    const loading = new History(ask).load(conversation);
    conversation.change("m1", 1, written("edited"));
    conversation.change("m2", 2, { kind: "deleted" });
    resolve(page(message(1, "one"), message(2, "two"), message(3, "three")));
    await loading;
    expect(contents(conversation)).toEqual([written("edited"), { kind: "deleted" }, written("three")]);
  });
});

describe("a conversation whose history has begun anew", () => {
  it("forgets what it knew of the messages", () => {
    const conversation = new Conversation(GROUP);
    conversation.add([{ id: "m1", offset: 1, timestamp: 1, content: written("one"), isEdited: false }]);
    conversation.readers.value = new Map([["bob", 1]]);
    conversation.newFrom.value = 1;
    conversation.reset();
    const { entries, last, readers, newFrom, newest } = conversation;
    expect([entries.value.length, readers.value.size, newest]).toEqual([0, 0, 0]);
    expect([last.value, newFrom.value]).toEqual([undefined, undefined]);
  });
});
