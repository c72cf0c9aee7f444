import { DELETED, EDITED, type Push } from "../../../src/protocol/protocol.ts";
import { countOf } from "../../shared/shared.ts";
import { type Content, readContent } from "./content.ts";
import { type Conversation, entryOf, isChatGroup } from "./conversation.ts";
import type { People } from "./people.ts";
import type { State } from "./state.ts";
import type { Typing } from "./typing.ts";

/** What the page shows and asks for again after news of a change. */
export type List = "groups" | "friends" | "profile" | "invitations";

export interface InboxPorts {
  readonly state: State;
  readonly people: People;
  readonly typing: Typing;
  /** Asks for a list again: soon, or at a random time within this one. */
  readonly refresh: (list: List, withinMs?: number) => void;
  /** Tells whether the user sees the conversation now. */
  readonly isSeen: (conversation: Conversation) => boolean;
  /** Called for a message that the user sees. */
  readonly seen: (conversation: Conversation) => void;
  /** The user is not in the group any more. */
  readonly removed: (group: string) => void;
}

/** Fields of the chat's events, which only the server sends: see docs/CHAT.md. */
interface EventData {
  readonly user: string;
  readonly offset: number;
  readonly group: string;
  readonly name: string;
  readonly users: readonly string[];
  readonly count: number;
  readonly members: number;
  readonly by: string;
  readonly state: "requested" | "friend";
  readonly what: "groups" | "friends" | "profile";
  readonly withinMs?: number;
}

/** Users whom the page names among those who have joined. */
const NAMED = 3;

/** Puts what arrives where it is shown. */
export class Inbox {
  readonly #ports: InboxPorts;

  constructor(ports: InboxPorts) {
    this.#ports = ports;
  }

  receive(push: Push): void {
    const { state, typing, refresh } = this.#ports;
    // Groups of the application are not shown.
    if (push.group !== undefined && !isChatGroup(push.group)) return;
    const data = push.data as EventData; // of the event that the type names
    const conversation = push.group === undefined ? undefined : state.conversation(push.group);
    if (conversation !== undefined && push.offset !== undefined)
      conversation.newest = Math.max(conversation.newest, push.offset);
    switch (push.type) {
      case "chat.typing":
        if (conversation !== undefined && data.user !== state.user) typing.heard(conversation, data.user);
        return;
      case "chat.read":
        if (conversation !== undefined) this.#read(conversation, data);
        return;
      case EDITED:
      case DELETED:
        if (conversation !== undefined) this.#changed(conversation, push);
        return;
      case "chat.joined":
        void this.#joined(conversation, data);
        return;
      case "chat.invited":
        void this.#tell(data.by, (name) => `${name} invites you to ${data.name}.`);
        refresh("invitations");
        return;
      case "chat.removed":
        this.#removed(data);
        return;
      case "chat.friend":
        this.#friend(data);
        return;
      case "chat.changed":
        refresh(data.what, data.withinMs);
        // An invitation that was declined on another device is a change of the groups.
        if (data.what === "groups") refresh("invitations", data.withinMs);
        return;
      default:
        if (conversation !== undefined && push.offset !== undefined) this.#message(conversation, push);
    }
  }

  #message(conversation: Conversation, push: Push): void {
    const { state, typing, refresh, isSeen, seen } = this.#ports;
    const { from, offset = 0 } = push;
    if (from !== undefined) typing.stopped(conversation, from);
    conversation.add([entryOf(push)]);
    if (conversation.info.peek() === undefined) refresh("groups");
    // An own message from another device mostly marks as read what came before it: the server knows.
    if (from === state.user && conversation.unread.peek() > 0) refresh("groups");
    // A message of a former time that comes late was counted by the server.
    if (from === state.user || offset <= conversation.counted) return;
    if (isSeen(conversation)) seen(conversation);
    else conversation.unread.value++;
  }

  #changed(conversation: Conversation, { type, data }: Push): void {
    const notice = data as {
      readonly id: string;
      readonly offset: number;
      readonly type: string;
      readonly data?: unknown;
    };
    const content: Content = type === DELETED ? { kind: "deleted" } : readContent(notice.type, notice.data);
    conversation.change(notice.id, notice.offset, content);
    // It may have been unread.
    if (type === DELETED && conversation.unread.peek() > 0) this.#ports.refresh("groups");
  }

  #read(conversation: Conversation, { user, offset }: EventData): void {
    const { state } = this.#ports;
    if (user === state.user) {
      conversation.read = Math.max(conversation.read, offset);
      const later = conversation.entries.peek().filter((each) => each.offset > offset && each.from !== user);
      conversation.unread.value = Math.min(conversation.unread.peek(), later.length);
      return;
    }
    const readers = conversation.readers.peek();
    if ((readers.get(user) ?? 0) < offset) conversation.readers.value = new Map(readers).set(user, offset);
  }

  async #joined(conversation: Conversation | undefined, event: EventData): Promise<void> {
    const { state, people, refresh } = this.#ports;
    const { group, name, users, count, members } = event;
    state.conversations.peek().get(group)?.joined(members);
    if (conversation !== undefined && conversation.info.peek() === undefined) refresh("groups");
    const named = users.slice(0, NAMED).map((user) => (user === state.user ? "You" : people.nameOf(user)));
    const names = (await Promise.all(named)).join(", ");
    const who = count > named.length ? `${names} and ${countOf(count - named.length, "other")}` : names;
    if (conversation === undefined) state.news.tell("plain", `${who} joined ${name}.`);
    else conversation.mark(`${who} joined`);
  }

  #removed({ group, by }: EventData): void {
    const { state, removed } = this.#ports;
    // Told again after a reconnect, when the user may be in the group again: the list of groups decides.
    const name = state.conversations.peek().get(group)?.info.peek()?.name;
    if (name !== undefined) void this.#tell(by, (who) => `${who} has removed you from ${name}.`);
    removed(group);
  }

  #friend({ user, state: friendship }: EventData): void {
    const isFriend = friendship === "friend";
    void this.#tell(user, (name) =>
      isFriend ? `${name} is your friend now.` : `${name} asks to be your friend.`,
    );
    this.#ports.refresh("friends");
  }

  async #tell(user: string, text: (name: string) => string): Promise<void> {
    const { state, people } = this.#ports;
    state.news.tell("plain", text(await people.nameOf(user)));
  }
}
