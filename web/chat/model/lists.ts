import type { Conversation } from "./conversation.ts";
import type { List } from "./inbox.ts";
import type { People } from "./people.ts";
import type { State } from "./state.ts";
import type { Ask, Summary } from "./wire.ts";

/** News of this time lead to one request. */
const COLLECT_MS = 100;

/** Time after which lists are asked for again that the server did not give. */
const RETRY_MS = 3_000;

/** Conversations of one request, and requests for them: a user is in 2,000 at most. */
const PAGE = 200;
const MAX_PAGES = 10;

export interface ListPorts {
  readonly state: State;
  readonly people: People;
  readonly ask: Ask;
  readonly isSeen: (conversation: Conversation) => boolean;
  readonly failed: (error: unknown) => void;
}

/** What the server lists of the user: conversations, friends, invitations, and the user. */
export class Lists {
  readonly #ports: ListPorts;
  readonly #wanted = new Set<List>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer ends. */
  #dueAt = 0;
  #isClosed = false;

  constructor(ports: ListPorts) {
    this.#ports = ports;
  }

  /** Asks for a list again: soon, or at a random time within this one, when many ask. */
  refresh(list: List, withinMs = 0): void {
    this.#wanted.add(list);
    this.#schedule(COLLECT_MS + Math.random() * withinMs);
  }

  /** Asks for everything, on a new connection. */
  async all(): Promise<void> {
    await Promise.all(
      (["groups", "friends", "invitations", "profile"] as const).map((list) => this.#read(list)),
    );
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    const dueAt = Date.now() + delayMs;
    if (this.#isClosed || (this.#timer !== undefined && this.#dueAt <= dueAt)) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#readWanted();
    }, delayMs);
  }

  async #readWanted(): Promise<void> {
    const { state, failed } = this.#ports;
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    // Without a connection everything is asked for on the next one.
    if (!state.isOnline.peek()) return;
    await Promise.all(
      wanted.map((list) =>
        this.#read(list).catch((error: unknown) => {
          failed(error);
          this.#wanted.add(list);
          this.#schedule(RETRY_MS);
        }),
      ),
    );
  }

  async #read(list: List): Promise<void> {
    const { state, people, ask } = this.#ports;
    switch (list) {
      case "groups":
        return this.#groups();
      case "friends": {
        const friends = await ask("chat.friends", {});
        state.friends.value = friends;
        people.learn(Object.values(friends).flat());
        return people.watchFriends();
      }
      case "invitations":
        state.invitations.value = (await ask("chat.invitations", {})).invitations;
        return;
      case "profile":
        state.me.value = await ask("chat.profile", {});
        people.learn([state.me.peek()]);
    }
  }

  async #groups(): Promise<void> {
    const { state, ask, isSeen } = this.#ports;
    // A conversation that begins while the list is read is none that has ended.
    const before = [...state.conversations.peek().keys()];
    const summaries: Summary[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await ask("chat.groups", { limit: PAGE, cursor });
      summaries.push(...page.groups);
      cursor = page.cursor;
    } while (cursor !== undefined && ++pages < MAX_PAGES);
    const listed = new Set(summaries.map(({ group }) => group));
    const isFirst = !state.isListed.peek();
    for (const summary of summaries) {
      const conversation = state.conversation(summary.group);
      if (!isFirst && conversation.info.peek() === undefined) conversation.begunAt.value = Date.now();
      conversation.summarize(summary, state.user, isSeen(conversation));
    }
    for (const group of before) if (!listed.has(group)) state.drop(group);
    state.isListed.value = true;
    // An invitation that was accepted on another device is none any more.
    state.invitations.value = state.invitations.peek().filter(({ group }) => !listed.has(group));
  }
}
