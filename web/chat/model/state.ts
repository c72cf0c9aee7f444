import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { News } from "../../shared/shared.ts";
import type { Address } from "./address.ts";
import { Conversation } from "./conversation.ts";
import type { Friends, Invitation, Person } from "./wire.ts";

/** State of the page's connection. Times are milliseconds since 1970. */
export type ConnectionState =
  | { readonly state: "connecting"; readonly isFirst: boolean }
  | { readonly state: "online" }
  | { readonly state: "waiting"; readonly retryAt: number }
  /** Final, until the user connects again. */
  | { readonly state: "ended"; readonly code: number; readonly reason: string };

/** The user, with what this server lets the user do. */
export interface Me extends Person {
  readonly mayGather?: boolean | undefined;
}

/** Users who are online: a page of them, and the number of all. */
export interface Online {
  readonly listed: readonly Person[];
  readonly count: number;
  /** Whom the server lets the user see. */
  readonly of: "everyone" | "friends";
}

/** State of one user's page. Only the model changes it. */
export class State {
  readonly user: string;
  readonly me: Signal<Me>;
  readonly address: ReadonlySignal<Address>;
  readonly connection: Signal<ConnectionState> = signal({ state: "connecting", isFirst: true });
  /** False while the browser says that it has no network. */
  readonly hasNetwork: ReadonlySignal<boolean>;
  readonly conversations: Signal<ReadonlyMap<string, Conversation>> = signal(new Map());
  /** True once the list of conversations has come. */
  readonly isListed: Signal<boolean> = signal(false);
  readonly invitations: Signal<readonly Invitation[]> = signal([]);
  readonly friends: Signal<Friends> = signal({ friends: [], sent: [], received: [], blocked: [] });
  readonly online: Signal<Online> = signal({ listed: [], count: 0, of: "friends" });
  /** Users of whom it is known that they are online. */
  readonly present: Signal<ReadonlySet<string>> = signal(new Set());
  /** What users show of themselves. */
  readonly persons: Signal<ReadonlyMap<string, Person>> = signal(new Map());
  readonly news = new News();

  /** True while messages can arrive. */
  readonly isOnline: ReadonlySignal<boolean> = computed(
    () => this.connection.value.state === "online" && this.hasNetwork.value,
  );

  /** The user's conversations, the one with the newest message first. */
  readonly listed: ReadonlySignal<readonly Conversation[]> = computed(() =>
    [...this.conversations.value.values()]
      .filter((conversation) => conversation.info.value !== undefined)
      .sort((one, other) => lastAt(other) - lastAt(one)),
  );

  readonly unread: ReadonlySignal<number> = computed(() =>
    [...this.conversations.value.values()].reduce((sum, { unread }) => sum + unread.value, 0),
  );

  /** The open conversation. Undefined also while its address names one that the user is not in. */
  readonly selected: ReadonlySignal<Conversation | undefined> = computed(() => {
    const { group } = this.address.value;
    return group === undefined ? undefined : this.conversations.value.get(group);
  });

  constructor(user: string, address: ReadonlySignal<Address>, hasNetwork: ReadonlySignal<boolean>) {
    this.user = user;
    this.address = address;
    this.hasNetwork = hasNetwork;
    this.me = signal({ user, name: user });
  }

  /** Tells whether a user is online. Undefined where the server does not let the user see it. */
  isPresent(user: string): boolean | undefined {
    if (user === this.user) return this.isOnline.value;
    if (this.present.value.has(user)) return true;
    const isFriend = this.friends.value.friends.some((friend) => friend.user === user);
    return isFriend || this.online.value.of === "everyone" ? false : undefined;
  }

  /** Returns the conversation of a group, and begins it when there is none. */
  conversation(group: string): Conversation {
    const known = this.conversations.peek().get(group);
    if (known !== undefined) return known;
    const begun = new Conversation(group);
    this.conversations.value = new Map(this.conversations.peek()).set(group, begun);
    return begun;
  }

  drop(group: string): void {
    const others = new Map(this.conversations.peek());
    if (others.delete(group)) this.conversations.value = others;
  }
}

const lastAt = ({ last, begunAt }: Conversation): number => last.value?.timestamp ?? begunAt.value;
