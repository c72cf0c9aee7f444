import { type Signal, signal } from "@preact/signals";
import { type Content, readContent } from "./content.ts";
import type { StoredMessage, Summary } from "./wire.ts";

export interface MessageEntry {
  readonly id: string;
  /** Place in the conversation. */
  readonly offset: number;
  /** The sending user. Absent when the application sent it. */
  readonly from?: string | undefined;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly content: Content;
  readonly isEdited: boolean;
}

/** Something that happened between two messages while this page was open. */
export interface Mark {
  readonly key: string;
  /** Offset of the message before it. */
  readonly after: number;
  readonly text: string;
}

/** Tells a group of the chat from those of the application, which come over the same connection. */
export const isChatGroup = (group: string | undefined): group is string =>
  group?.startsWith("chat:") === true;

/** New content of a message. */
interface Change {
  readonly id: string;
  readonly offset: number;
  readonly content: Content;
}

/** Members up to whom a group's list of members is read again after each join. */
const FEW_MEMBERS = 100;

/** What the server says of a conversation. */
export type Info = Omit<Summary, "unread" | "last">;

/** Loaded part of the history. `unknown` until the conversation is opened; `failed` until a page is asked for again. */
export type Loaded = "unknown" | "loading" | "more" | "all" | "failed";

/** When live messages make it more than `limit`, the oldest are removed until `kept` are left. They can be loaded again. */
const ENTRIES = { limit: 3_000, kept: 2_000 };

/** Entries that are kept of a conversation that was never opened. */
const TAIL = 100;

/** One conversation: a loaded part of its history, with everything after it. */
export class Conversation {
  readonly group: string;
  /** Undefined for a conversation of which only a message has arrived yet. */
  readonly info: Signal<Info | undefined> = signal(undefined);
  /** Counts what changes the list of members, as far as this page should read it again. */
  readonly memberChanges: Signal<number> = signal(0);
  /** Oldest first, one for each offset. */
  readonly entries: Signal<readonly MessageEntry[]> = signal([]);
  readonly marks: Signal<readonly Mark[]> = signal([]);
  readonly last: Signal<MessageEntry | undefined> = signal(undefined);
  readonly unread: Signal<number> = signal(0);
  readonly loaded: Signal<Loaded> = signal("unknown");
  /** Offset of the first message that was unread when the conversation was opened. */
  readonly newFrom: Signal<number | undefined> = signal(undefined);
  /** Other users who are typing now. */
  readonly typing: Signal<readonly string[]> = signal([]);
  /** How far the others have read. */
  readonly readers: Signal<ReadonlyMap<string, number>> = signal(new Map());
  /** Text that is not sent yet. It outlives the view. */
  readonly draft: Signal<string> = signal("");
  /** When it appeared on this page, in milliseconds since 1970; 0 if it was there from the beginning. */
  readonly begunAt: Signal<number> = signal(0);
  /** Newest offset of which the page knows, edits and deletions included. */
  newest = 0;
  /** Newest offset when the server counted the unread messages. */
  counted = 0;
  /** Offset up to which the user has read, as far as this page knows. */
  read = 0;
  /** Edits and deletions that have come since a page of the history was asked for. */
  readonly #changes: Change[] = [];

  constructor(group: string) {
    this.group = group;
  }

  /** Takes what the server says. Messages that came since it counted are unread too. */
  summarize({ unread, last, ...info }: Summary, self: string, isOpen: boolean): void {
    this.info.value = info;
    this.memberChanges.value++;
    const offset = last?.offset ?? 0;
    this.counted = Math.max(this.counted, offset);
    const later = this.entries.peek().filter((entry) => entry.offset > offset && entry.from !== self);
    this.unread.value = isOpen ? 0 : unread + later.length;
    if (last !== undefined) this.#latest(entryOf(last));
  }

  /** Users have joined the group, so that it has so many members. */
  joined(members: number): void {
    const info = this.info.peek();
    if (info === undefined) return;
    this.info.value = { ...info, members };
    if (members <= FEW_MEMBERS) this.memberChanges.value++;
  }

  /** A page of the history is asked for. */
  loading(): void {
    this.#changes.length = 0;
    this.loaded.value = "loading";
  }

  /** Inserts a page of the history. Edits and deletions that came while it was on its way are newer. */
  addPage(messages: readonly MessageEntry[], hasMore: boolean): void {
    this.add(messages);
    for (const change of this.#changes.splice(0)) this.#apply(change);
    this.loaded.value = hasMore ? "more" : "all";
  }

  /** Inserts messages where their offsets belong. One that is there already is replaced. */
  add(messages: readonly MessageEntry[]): void {
    const byOffset = new Map(this.entries.peek().map((entry) => [entry.offset, entry]));
    for (const message of messages) byOffset.set(message.offset, message);
    const sorted = [...byOffset.values()].sort((one, other) => one.offset - other.offset);
    this.entries.value = this.#bounded(sorted);
    const last = sorted.at(-1);
    if (last !== undefined) this.#latest(last);
  }

  /** Replaces the content of a message. */
  change(id: string, offset: number, content: Content): void {
    const change = { id, offset, content };
    if (this.loaded.peek() === "loading") this.#changes.push(change);
    this.#apply(change);
  }

  /** Notes that something has happened after the newest message. */
  mark(text: string): void {
    const key = `mark-${this.marks.peek().length}`;
    this.marks.value = [...this.marks.peek(), { key, after: this.newest, text }];
  }

  /** Forgets the messages: some were lost, or the history has begun anew. They are loaded again. */
  reset(): void {
    this.entries.value = [];
    this.marks.value = [];
    this.last.value = undefined;
    this.readers.value = new Map();
    this.newFrom.value = undefined;
    this.loaded.value = "unknown";
    this.newest = 0;
    this.counted = 0;
    this.read = 0;
    this.#changes.length = 0;
  }

  #apply({ id, offset, content }: Change): void {
    const isEdited = content.kind !== "deleted";
    const changed = (entry: MessageEntry): MessageEntry =>
      entry.offset === offset && entry.id === id ? { ...entry, content, isEdited } : entry;
    this.entries.value = this.entries.peek().map(changed);
    const last = this.last.peek();
    if (last !== undefined) this.last.value = changed(last);
  }

  #latest(entry: MessageEntry): void {
    this.newest = Math.max(this.newest, entry.offset);
    const last = this.last.peek();
    if (last === undefined || entry.offset >= last.offset) this.last.value = entry;
  }

  #bounded(entries: readonly MessageEntry[]): readonly MessageEntry[] {
    if (this.loaded.peek() === "unknown") return entries.slice(-TAIL);
    if (entries.length <= ENTRIES.limit || this.loaded.peek() === "loading") return entries;
    this.loaded.value = "more";
    return entries.slice(-ENTRIES.kept);
  }
}

/** Makes an entry of a message that has arrived, or of one in the history. */
export function entryOf(message: StoredMessage): MessageEntry {
  const { id, offset = 0, from, timestamp, type, data, editedAt, deletedAt } = message;
  const content: Content = deletedAt === undefined ? readContent(type, data) : { kind: "deleted" };
  const isEdited = editedAt !== undefined && deletedAt === undefined;
  return { id, offset, from, timestamp, content, isEdited };
}
