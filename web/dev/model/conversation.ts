import { type Signal, signal } from "@preact/signals";
import type { Receipt } from "../../../src/client/client.ts";
import type { ConversationId } from "./address.ts";
import type { Content } from "./content.ts";

/** Delivery of an own message. `sent`: until the server's receipt. */
export type Delivery =
  | { readonly state: "sent" }
  | { readonly state: Receipt["state"]; readonly connections: number }
  | { readonly state: "failed"; readonly reason: string };

export interface MessageEntry {
  readonly kind: "message";
  /** The server's id, or the nonce of an own message, which has no id before the receipt. */
  readonly key: string;
  /** The sending user. Absent when the application sent it. */
  readonly from?: string;
  readonly isOwn: boolean;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Offset in the channel that it came from. */
  readonly offset?: number;
  readonly content: Content;
  /** The content replaces an earlier one. */
  readonly isEdited?: boolean;
  /** Set for messages sent from this page. */
  readonly delivery?: Delivery;
}

/** An event between two messages. */
export interface MarkEntry {
  readonly kind: "mark";
  readonly key: string;
  /** `caught-up`: the next `count` messages were missed and recovered. `lost`: messages before the mark are lost. */
  readonly mark: "caught-up" | "lost";
  readonly count: number;
}

export type Entry = MessageEntry | MarkEntry;

/** A member of a group. */
export interface GroupMember {
  readonly user: string;
  /** A connection of the user has joined. */
  readonly hasJoined: boolean;
  /** The user belongs to the group for good. */
  readonly isDurable: boolean;
  /** Data of the user in the group. */
  readonly data?: unknown;
}

/** Members of a group: a page of them, those who have joined first, and the counts of all. */
export interface GroupMembers {
  readonly listed: readonly GroupMember[];
  readonly online: number;
  readonly durable: number;
}

/** Loaded part of the history: all messages from the offset `before` on. `unknown` until the conversation is opened. */
export interface Loaded {
  readonly state: "unknown" | "loading" | "more" | "all";
  readonly before?: number;
}

/** Beyond `limit` entries the oldest are removed until `kept` are left. They can be loaded again. */
const ENTRIES = { limit: 1_200, kept: 1_000 };

/** Entries of one conversation, oldest first: a loaded part of the history, then live messages. */
export class Conversation {
  readonly id: ConversationId;
  readonly entries: Signal<readonly Entry[]> = signal([]);
  readonly unread: Signal<number> = signal(0);
  readonly loaded: Signal<Loaded> = signal({ state: "unknown" });
  /** Other users who are typing now. */
  readonly typing: Signal<readonly string[]> = signal([]);
  /** Members of a group. Undefined until they are known. */
  readonly members: Signal<GroupMembers | undefined> = signal(undefined);

  constructor(id: ConversationId) {
    this.id = id;
  }

  append(entry: Entry): void {
    this.#end([...this.entries.value, entry]);
  }

  /** Appends a received message. An own message is there since it was sent, and moves to the end. */
  receive(message: MessageEntry): void {
    // Only own messages may be there. Others are not searched for, because thousands a second may come.
    const sent = message.isOwn ? this.#find(message.key) : undefined;
    const others =
      sent === undefined ? this.entries.value : this.entries.value.filter((entry) => entry !== sent);
    const delivery = sent?.kind === "message" ? sent.delivery : message.delivery;
    this.#end([...others, { ...message, delivery }]);
  }

  /** Inserts a page of history before the entries. @returns the number of new messages */
  prepend(page: readonly MessageEntry[]): number {
    const known = new Set(this.entries.value.map(({ key }) => key));
    const older = page.filter(({ key }) => !known.has(key));
    this.entries.value = [...older, ...this.entries.value];
    return older.length;
  }

  /** Inserts messages where their times belong: own messages between those of the partner. @returns the number of new messages */
  merge(messages: readonly MessageEntry[]): number {
    const known = new Set(this.entries.value.map(({ key }) => key));
    const fresh = messages.filter(({ key }) => !known.has(key));
    if (fresh.length > 0) this.#end(mergedByTime(this.entries.value, fresh));
    return fresh.length;
  }

  /** Changes a message in place. */
  update(key: string, change: Partial<MessageEntry>): void {
    this.entries.value = this.entries.value.map((entry) =>
      entry.key === key && entry.kind === "message" ? { ...entry, ...change } : entry,
    );
  }

  /**
   * Replaces the content of a message. An own one may have its nonce as the key, and is found by its offset where all messages of the
   * conversation are of one channel.
   */
  edit(id: string, offset: number, content: Content): void {
    const isOneChannel = !this.id.startsWith("user:");
    const edited = this.entries.value.find(
      (entry) => entry.kind === "message" && (entry.key === id || (isOneChannel && entry.offset === offset)),
    );
    if (edited?.kind !== "message") return;
    this.#replace(edited, { ...edited, content, isEdited: content.kind !== "deleted" });
  }

  /** Counts one message at a mark, and appends the mark for the first one. */
  mark(mark: MarkEntry["mark"], key: string): void {
    const known = this.#find(key);
    if (known === undefined) this.append({ kind: "mark", key, mark, count: 1 });
    else if (known.kind === "mark") this.#replace(known, { ...known, count: known.count + 1 });
  }

  #end(entries: readonly Entry[]): void {
    if (entries.length <= ENTRIES.limit) {
      this.entries.value = entries;
      return;
    }
    this.entries.value = entries.slice(-ENTRIES.kept);
    const offsets = this.entries.value.map((entry) => (entry.kind === "message" ? entry.offset : undefined));
    this.loaded.value = { state: "more", before: offsets.find((offset) => offset !== undefined) };
  }

  #find(key: string): Entry | undefined {
    return this.entries.value.find((entry) => entry.key === key);
  }

  #replace(old: Entry, changed: Entry): void {
    this.entries.value = this.entries.value.map((entry) => (entry === old ? changed : entry));
  }
}

/** Merges two lists, each of them oldest first. A mark stays before the message that follows it. */
function mergedByTime(entries: readonly Entry[], fresh: readonly MessageEntry[]): readonly Entry[] {
  const merged: Entry[] = [];
  let next = 0;
  let marks: Entry[] = [];
  for (const entry of entries) {
    if (entry.kind === "mark") {
      marks.push(entry);
      continue;
    }
    for (let each = fresh[next]; each !== undefined && each.timestamp < entry.timestamp; each = fresh[++next])
      merged.push(each);
    merged.push(...marks, entry);
    marks = [];
  }
  return [...merged, ...marks, ...fresh.slice(next)];
}
