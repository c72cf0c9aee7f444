import { signal } from "@preact/signals";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Push } from "../../../../src/protocol/protocol.ts";
import type { Conversation } from "../../../../web/chat/model/conversation.ts";
import { Inbox, type InboxPorts } from "../../../../web/chat/model/inbox.ts";
import { State } from "../../../../web/chat/model/state.ts";
import { Typing } from "../../../../web/chat/model/typing.ts";

const GROUP = "chat:crew";

/** An inbox of alice, who is in the group. */
function start() {
  const state = new State("alice", signal({ tab: "chats" }), signal(true));
  onTestFinished(() => state.news.stop());
  const refreshed: unknown[] = [];
  const people = { nameOf: async (user: string) => user } as unknown as InboxPorts["people"];
  const inbox = new Inbox({
    ...{
      state,
      people,
      typing: new Typing(),
      isSeen: () => false,
      seen: () => undefined,
      removed: () => undefined,
    },
    refresh: (...list) => refreshed.push(list),
  });
  const crew = state.conversation(GROUP);
  const summary = { group: GROUP, kind: "group", name: "Crew", role: "member", unread: 0 } as const;
  const summarize = (members: number): void => crew.summarize({ ...summary, members }, "alice", false);
  const receive = (push: Partial<Push>): void =>
    inbox.receive({ id: "m", timestamp: 1, data: null, ...push } as Push);
  return { state, crew, summarize, receive, refreshed };
}

const joined = (members: number, group = GROUP): Partial<Push> => ({
  ...{ type: "chat.joined", group, data: { group, name: "Crew", users: ["bob"], count: 1, members } },
});

describe("a join", () => {
  it("changes the number of members of a known group, and asks the server for nothing", () => {
    const { crew, summarize, receive, refreshed } = start();
    const seen = ({ info, memberChanges }: Conversation) => [info.value?.members, memberChanges.value];
    summarize(2);
    expect(seen(crew)).toEqual([2, 1]);
    receive(joined(3));
    expect(seen(crew)).toEqual([3, 2]);
    // The list of members of a large group is not read again.
    receive(joined(10_000));
    expect(seen(crew)).toEqual([10_000, 2]);
    expect(refreshed).toEqual([]);
  });

  it("of a group that is not listed yet asks for the groups", () => {
    const { receive, refreshed } = start();
    receive(joined(2, "chat:new"));
    expect(refreshed).toEqual([["groups"]]);
  });
});

describe("a message of the user from another device", () => {
  it("asks the server what is still unread, where something was", () => {
    const { crew, summarize, receive, refreshed } = start();
    summarize(2);
    receive({ type: "chat", group: GROUP, from: "alice", offset: 1 });
    expect(refreshed).toEqual([]);
    receive({ type: "chat", group: GROUP, from: "bob", offset: 2 });
    expect(crew.unread.value).toBe(1);
    receive({ type: "chat", group: GROUP, from: "alice", offset: 3 });
    expect(refreshed).toEqual([["groups"]]);
  });
});

describe("a change that many users hear of", () => {
  it("is asked for within the time that the server gives", () => {
    const { receive, refreshed } = start();
    receive({ type: "chat.changed", data: { what: "groups", withinMs: 3_000 } });
    expect(refreshed).toEqual([
      ["groups", 3_000],
      ["invitations", 3_000],
    ]);
  });
});

describe("a group of the application", () => {
  it("is no conversation, and its messages are not unread", () => {
    const { state, receive, refreshed } = start();
    for (const type of ["chat", "order", "chat.typing", "message.edited"])
      receive({ type, group: "orders", offset: 1, from: "bob", data: { text: "7" } });
    expect([...state.conversations.value.keys()]).toEqual([GROUP]);
    expect([state.unread.value, refreshed]).toEqual([0, []]);
  });
});
