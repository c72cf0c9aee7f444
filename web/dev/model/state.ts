import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Welcome } from "../../../src/client/client.ts";
import { News } from "../../shared/shared.ts";
import type { Address, ConversationId } from "./address.ts";
import { Conversation } from "./conversation.ts";

/** State of the page's connection. Times are milliseconds since 1970. */
export type ConnectionState =
  | { readonly state: "connecting"; readonly attempt: number; readonly isFirst: boolean }
  | { readonly state: "online" }
  | { readonly state: "waiting"; readonly retryAt: number }
  /** Final, until the user connects again. */
  | { readonly state: "ended"; readonly code: number; readonly reason: string };

/** Conversations that are kept. A peer can begin one under any name, so the oldest without focus give way. */
const MAX_CONVERSATIONS = 300;

/** State of one user's page. Only the model changes it. */
export class State {
  readonly user: string;
  /** False while the browser says that it has no network. */
  readonly hasNetwork: ReadonlySignal<boolean>;
  readonly selected: ReadonlySignal<ConversationId | undefined>;
  readonly connection: Signal<ConnectionState> = signal({
    state: "connecting",
    attempt: 1,
    isFirst: true,
  });
  /** Welcome of the last connection. */
  readonly welcome: Signal<Welcome | undefined> = signal(undefined);
  /** Round trip to the server. Undefined until measured. */
  readonly latencyMs: Signal<number | undefined> = signal(undefined);
  /** Platforms by user. */
  readonly online: Signal<ReadonlyMap<string, readonly string[]>> = signal(new Map());
  readonly groups: Signal<readonly string[]> = signal([]);
  readonly conversations: Signal<ReadonlyMap<ConversationId, Conversation>> = signal(new Map());
  readonly news = new News();

  readonly unread: ReadonlySignal<number> = computed(() =>
    [...this.conversations.value.values()].reduce((sum, { unread }) => sum + unread.value, 0),
  );

  /** Other users who are online or have a conversation, sorted by name. */
  readonly people: ReadonlySignal<readonly string[]> = computed(() => {
    const partners = [...this.conversations.value.keys()].filter((id) => id.startsWith("user:"));
    const names = new Set([...this.online.value.keys(), ...partners.map((id) => id.slice(5))]);
    names.delete(this.user);
    return [...names].sort((one, other) => one.localeCompare(other));
  });

  /** True while messages can arrive. */
  readonly isOnline: ReadonlySignal<boolean> = computed(
    () => this.connection.value.state === "online" && this.hasNetwork.value,
  );

  constructor(user: string, address: ReadonlySignal<Address>, hasNetwork: ReadonlySignal<boolean>) {
    this.user = user;
    this.hasNetwork = hasNetwork;
    this.selected = computed(() => address.value.conversation);
  }

  /** Returns the conversation with this id, and creates it when there is none. */
  conversation(id: ConversationId): Conversation {
    const known = this.conversations.peek().get(id);
    if (known !== undefined) return known;
    const begun = new Conversation(id);
    const conversations = new Map(this.conversations.peek()).set(id, begun);
    if (conversations.size > MAX_CONVERSATIONS) {
      const evicted = [...conversations.keys()].find((each) => this.#mayEvict(each) && each !== id);
      if (evicted !== undefined) conversations.delete(evicted);
    }
    this.conversations.value = conversations;
    return begun;
  }

  #mayEvict(id: ConversationId): boolean {
    return id.startsWith("user:") && id !== this.selected.peek();
  }

  endConversation(id: ConversationId): void {
    const others = new Map(this.conversations.peek());
    others.delete(id);
    this.conversations.value = others;
  }
}
