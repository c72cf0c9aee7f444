import { type Signal, signal } from "@preact/signals";
import type { Receipt } from "../../src/client/client.ts";
import type { ConversationId } from "./address.ts";
import type { Content } from "./content.ts";

/** What became of an own message. `sent` until the server has answered. */
export type Delivery =
  | { readonly state: "sent" }
  | { readonly state: Receipt["state"]; readonly connections: number }
  | { readonly state: "failed"; readonly reason: string };

export interface MessageEntry {
  readonly kind: "message";
  /** The server's id, or the nonce of an own message: what stays the same from sending on. */
  readonly key: string;
  /** The user who sent it; absent when the application did. */
  readonly from?: string;
  readonly isOwn: boolean;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** In the channel that it was read from. */
  readonly offset?: number;
  readonly content: Content;
  /** Of messages sent from this page. */
  readonly delivery?: Delivery;
}

/** Something that happened between two messages. */
export interface MarkEntry {
  readonly kind: "mark";
  readonly key: string;
  /** `caught-up`: `count` messages that follow were missed, and came later. `lost`: some before it never will. */
  readonly mark: "caught-up" | "lost";
  readonly count: number;
}

export type Entry = MessageEntry | MarkEntry;

/** How far the history was loaded: everything from the offset `before` on is here. `unknown` until it is first opened. */
export interface Loaded {
  readonly state: "unknown" | "loading" | "more" | "all";
  readonly before?: number;
}

/** Beyond `limit` entries the oldest give way until `kept` are left; they can be loaded again. */
const ENTRIES = { limit: 1_200, kept: 1_000 };

/** What is shown together, oldest first: as it came live, and before it what was loaded from the history. */
export class Conversation {
  readonly id: ConversationId;
  readonly entries: Signal<readonly Entry[]> = signal([]);
  readonly unread: Signal<number> = signal(0);
  readonly loaded: Signal<Loaded> = signal({ state: "unknown" });
  /** Others who are writing just now. */
  readonly typing: Signal<readonly string[]> = signal([]);

  constructor(id: ConversationId) {
    this.id = id;
  }

  append(entry: Entry): void {
    this.#end([...this.entries.value, entry]);
  }

  /** Puts a message in its place at the end. One that was sent from here stands there already, perhaps too early. */
  settle(message: MessageEntry): void {
    const sent = this.#find(message.key);
    const others = this.entries.value.filter((entry) => entry !== sent);
    const delivery = sent?.kind === "message" ? sent.delivery : undefined;
    this.#end([...others, { ...message, delivery }]);
  }

  /** Puts a page of history before what is shown. @returns how many messages were new */
  prepend(page: readonly MessageEntry[]): number {
    const known = new Set(this.entries.value.map(({ key }) => key));
    const older = page.filter(({ key }) => !known.has(key));
    this.entries.value = [...older, ...this.entries.value];
    return older.length;
  }

  /** Changes a message where it stands. */
  update(key: string, change: Partial<MessageEntry>): void {
    this.entries.value = this.entries.value.map((entry) =>
      entry.key === key && entry.kind === "message" ? { ...entry, ...change } : entry,
    );
  }

  /** Counts one more message under a mark; the first sets it. */
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
