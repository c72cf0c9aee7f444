import { batch } from "@preact/signals";
import { isNotice } from "../../../src/protocol/protocol.ts";
import { type Conversation, entryOf } from "./conversation.ts";
import type { Ask } from "./wire.ts";

const PAGE = 50;

/** Time in which the messages that the user sees become one read mark. */
const MARK_MS = 250;

/** Loads conversations backwards, and tells the server how far the user has read. */
export class History {
  readonly #ask: Ask;
  readonly #marks = new Map<Conversation, ReturnType<typeof setTimeout>>();

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Loads the newest messages, or those before the loaded ones. Rejects as the server says. */
  async load(conversation: Conversation): Promise<void> {
    const { group, loaded, entries } = conversation;
    const state = loaded.peek();
    if (state === "loading" || state === "all") return;
    const isFirst = state === "unknown" || entries.peek().length === 0;
    loaded.value = "loading";
    try {
      const before = isFirst ? undefined : entries.peek()[0]?.offset;
      const { messages, more } = await this.#ask("chat.history", { group, before, limit: PAGE });
      const shown = messages.filter(({ type, offset }) => offset !== undefined && !isNotice(type));
      batch(() => {
        conversation.add(shown.map(entryOf));
        loaded.value = more && shown.length > 0 ? "more" : "all";
      });
      if (isFirst) await this.#readers(conversation);
    } catch (error) {
      if (loaded.peek() === "loading") loaded.value = isFirst ? "unknown" : "failed";
      throw error;
    }
  }

  /** Notes that the user sees the newest message. */
  seen(conversation: Conversation): void {
    if (this.#marks.has(conversation) || conversation.newest <= conversation.read) return;
    const timer = setTimeout(() => {
      this.#marks.delete(conversation);
      void this.#mark(conversation);
    }, MARK_MS);
    this.#marks.set(conversation, timer);
  }

  close(): void {
    for (const timer of this.#marks.values()) clearTimeout(timer);
  }

  async #mark(conversation: Conversation): Promise<void> {
    const { group, newest } = conversation;
    const before = conversation.read;
    conversation.read = newest;
    try {
      await this.#ask("chat.read", { group, offset: newest });
    } catch {
      // Marked again when the next message is seen, or on the next connection.
      if (conversation.read === newest) conversation.read = before;
    }
  }

  async #readers(conversation: Conversation): Promise<void> {
    const { members } = await this.#ask("chat.readers", { group: conversation.group });
    const readers = new Map(conversation.readers.peek());
    for (const { user, offset } of members) readers.set(user, Math.max(offset, readers.get(user) ?? 0));
    conversation.readers.value = readers;
  }
}
