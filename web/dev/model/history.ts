import type { Client } from "../../../src/client/client.ts";
import type { Channel } from "../../../src/protocol/protocol.ts";
import type { Events } from "../events.ts";
import type { ConversationId } from "./address.ts";
import type { Conversation, MessageEntry } from "./conversation.ts";
import type { Inbox } from "./inbox.ts";
import type { State } from "./state.ts";

const PAGE = 30;

/** The user's own channel mixes all partners, so a page of it may have no message of the opened conversation. */
const MAX_PAGES = 5;

/** Loads conversations backwards, page by page. */
export class History {
  readonly #client: Client<Events>;
  readonly #state: State;
  readonly #inbox: Inbox;

  constructor(client: Client<Events>, state: State, inbox: Inbox) {
    this.#client = client;
    this.#state = state;
    this.#inbox = inbox;
  }

  /** Adds the conversations of users who wrote recently. Rejects as `Client.history`. */
  async loadPartners(): Promise<void> {
    const channel: Channel = `user:${this.#state.user}`;
    const { messages } = await this.#client.history({ channel, limit: PAGE });
    for (const [id, page] of this.#inbox.group(messages)) addTo(this.#state.conversation(id), page);
  }

  /** Loads pages until there is an older message, or none is left. Rejects as `Client.history`. */
  async loadEarlier(conversation: Conversation): Promise<void> {
    const { loaded } = conversation;
    if (loaded.peek().state === "loading") return;
    loaded.value = { ...loaded.peek(), state: "loading" };
    try {
      for (let pages = 0; pages < MAX_PAGES; pages++) {
        if (await this.#loadPage(conversation)) return;
        loaded.value = { ...loaded.peek(), state: "loading" };
      }
    } finally {
      if (loaded.peek().state === "loading") loaded.value = { ...loaded.peek(), state: "more" };
    }
  }

  /** @returns true when no further page is needed */
  async #loadPage(conversation: Conversation): Promise<boolean> {
    const channel = channelToRead(conversation.id, this.#state.user);
    const { before } = conversation.loaded.peek();
    const { messages, more } = await this.#client.history({ channel, before, limit: PAGE });
    const found = addTo(conversation, this.#inbox.group(messages).get(conversation.id) ?? []);
    conversation.loaded.value = { state: more ? "more" : "all", before: messages[0]?.offset ?? before };
    // The first page after opening often holds only messages that are shown already. It is still enough.
    const isNewest = before === undefined && conversation.entries.peek().length > 0;
    return found > 0 || isNewest || !more;
  }
}

/** Adds a page of history. In a conversation with a user, own messages stand among those of the page. */
function addTo(conversation: Conversation, page: readonly MessageEntry[]): number {
  return conversation.id.startsWith("user:") ? conversation.merge(page) : conversation.prepend(page);
}

/** Returns the channel of a conversation's history. Messages from other users are in the user's own channel. */
export function channelToRead(conversation: ConversationId, user: string): Channel {
  const isShared = conversation === "all" || conversation.startsWith("group:");
  return isShared ? (conversation as Channel) : `user:${user}`; // ids of shared conversations are channels
}
