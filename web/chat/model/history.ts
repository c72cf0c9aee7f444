import { batch } from "@preact/signals";
import { isNotice } from "../../../src/protocol/protocol.ts";
import { type Conversation, entryOf } from "./conversation.ts";
import type { Ask } from "./wire.ts";

const PAGE = 50;

/** Time in which the messages that the user sees become one read mark. */
const MARK_MS = 250;

/** A read mark that is not sent yet. */
interface Seen {
  /** Newest offset when the user saw the conversation. */
  readonly offset: number;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Loads conversations backwards, and tells the server how far the user has read. */
export class History {
  readonly #ask: Ask;
  readonly #seen = new Map<Conversation, Seen>();
  /** Conversations whose newest page has come. */
  readonly #begun = new WeakSet<Conversation>();

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Loads the newest messages, or those before the loaded ones. Rejects as the server says. */
  async load(conversation: Conversation): Promise<void> {
    const { group, loaded, entries } = conversation;
    const state = loaded.peek();
    if (state === "loading" || state === "all") return;
    const isFirst = state === "unknown" || !this.#begun.has(conversation);
    conversation.loading();
    try {
      const before = isFirst ? undefined : entries.peek()[0]?.offset;
      const { messages, more } = await this.#ask("chat.history", { group, before, limit: PAGE });
      const shown = messages.filter(({ type, offset }) => offset !== undefined && !isNotice(type));
      batch(() => conversation.addPage(shown.map(entryOf), more && shown.length > 0));
      this.#begun.add(conversation);
    } catch (error) {
      if (loaded.peek() === "loading") loaded.value = "failed";
      throw error;
    }
    if (isFirst) await this.#readers(conversation);
  }

  /** Notes that the user sees the newest message. */
  seen(conversation: Conversation): void {
    const { newest: offset, read } = conversation;
    if (offset <= read) return;
    const timer =
      this.#seen.get(conversation)?.timer ?? setTimeout(() => void this.#mark(conversation), MARK_MS);
    this.#seen.set(conversation, { offset, timer });
  }

  close(): void {
    for (const { timer } of this.#seen.values()) clearTimeout(timer);
  }

  async #mark(conversation: Conversation): Promise<void> {
    const { group, read: before, newest } = conversation;
    const offset = this.#seen.get(conversation)?.offset ?? 0;
    this.#seen.delete(conversation);
    // It may have been read on another device meanwhile, or have begun anew.
    if (offset <= before || offset > newest) return;
    conversation.read = offset;
    try {
      await this.#ask("chat.read", { group, offset });
    } catch {
      // Marked again when the next message is seen, or on the next connection.
      if (conversation.read === offset) conversation.read = before;
    }
  }

  async #readers(conversation: Conversation): Promise<void> {
    const { members } = await this.#ask("chat.readers", { group: conversation.group });
    const readers = new Map(conversation.readers.peek());
    for (const { user, offset } of members) readers.set(user, Math.max(offset, readers.get(user) ?? 0));
    conversation.readers.value = readers;
  }
}
