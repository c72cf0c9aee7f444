import type { Client } from "../../src/client/client.ts";
import type { Channel } from "../../src/protocol/protocol.ts";
import type { Events } from "../events.ts";
import type { ConversationId } from "./address.ts";
import type { Conversation } from "./conversation.ts";
import type { Inbox } from "./inbox.ts";
import type { State } from "./state.ts";

const PAGE = 30;

/** One's own channel holds the messages of all who wrote: a page of it may have none of the one in question. */
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

  /** Begins the conversations with everyone who has written of late. Rejects as requests do. */
  async loadPartners(): Promise<void> {
    const channel: Channel = `user:${this.#state.user}`;
    const { messages } = await this.#client.history({ channel, limit: PAGE });
    for (const [id, page] of this.#inbox.sort(messages)) this.#state.conversation(id).prepend(page);
  }

  /** Loads pages until there is something older to show, or nothing older. Rejects as requests do. */
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

  /** @returns whether that is enough */
  async #loadPage(conversation: Conversation): Promise<boolean> {
    const channel = channelToRead(conversation.id, this.#state.user);
    const { before } = conversation.loaded.peek();
    const { messages, more } = await this.#client.history({ channel, before, limit: PAGE });
    const found = conversation.prepend(this.#inbox.sort(messages).get(conversation.id) ?? []);
    conversation.loaded.value = { state: more ? "more" : "all", before: messages[0]?.offset ?? before };
    // The newest page is often here already, and is what one wants to see when a conversation is opened.
    const isNewest = before === undefined && conversation.entries.peek().length > 0;
    return found > 0 || isNewest || !more;
  }
}

/** Where the messages of a conversation can be read: those of other users to this one are in its own channel. */
export function channelToRead(conversation: ConversationId, user: string): Channel {
  const isShared = conversation === "all" || conversation.startsWith("group:");
  return isShared ? (conversation as Channel) : `user:${user}`; // shared ones are named by their channels
}
