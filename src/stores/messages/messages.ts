import type { Channel, HistoryPage, TidingsError } from "../../client/client.ts";
import { SharedStore, shared } from "../shared-store.ts";
import type { Store } from "../snapshots.ts";
import { type AnyClient, type DeclaredOf, untyped } from "../store-client.ts";
import { ChannelFeed, type FeedState } from "./channel-feed.ts";

/** A stored message of a channel, as it was edited last. A deleted one has `deletedAt`, and the data `null`. */
export type StoredMessage<Declared = Record<string, unknown>> = HistoryPage<Declared>["messages"][number];

/** Messages of a channel. */
export interface ChannelMessages<Declared = Record<string, unknown>> {
  /** Oldest first, each once, without a hole. */
  readonly messages: readonly StoredMessage<Declared>[];
  /** `idle`: without a client or a channel. `failed`: the history cannot be read, and `error` says why; live messages are listed. */
  readonly state: "idle" | "loading" | "ready" | "failed";
  /** There are older messages, and the list has room for them. */
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
  /** How often messages of the channel were lost. The list then begins anew, unless the history continues it. */
  readonly losses: number;
  /** Error of the last read, until one succeeds. */
  readonly error: TidingsError | undefined;
}

/** How messages of a channel are listed. Stores of equal options are one. */
export interface MessagesOptions {
  /**
   * Types of messages to list: name them, and messages of other types wait for their own listeners. @default all, and so every stored message of the client counts as handled
   */
  readonly types?: readonly string[] | undefined;
  /** Join the group, and leave it with the last store that joined it. @default false // the application joins, and stays, or the user is a durable member */
  readonly join?: boolean | undefined;
  /** Messages of a page, 1–200. @default 50 */
  readonly pageSize?: number | undefined;
  /** Longest list. The oldest messages give way to new ones. @default 1_000 */
  readonly max?: number | undefined;
}

export interface MessagesStore<Declared = Record<string, unknown>> extends Store<ChannelMessages<Declared>> {
  /** Reads a page of older messages into the list. Resolves when it is there, or `error` says why not. Never rejects. */
  loadOlder(): Promise<void>;
}

const INITIAL: FeedState = {
  ...{ messages: [], state: "loading", hasOlder: false },
  ...{ isLoadingOlder: false, losses: 0, error: undefined },
};

/** Messages without a client or a channel. */
export const NO_MESSAGES: ChannelMessages = {
  ...{ messages: [], state: "idle", hasOlder: false },
  ...{ isLoadingOlder: false, losses: 0, error: undefined },
};

/** Stored messages of a channel: its history and what arrives, as one list. Ephemeral messages are not in it. */
export function messagesStore<Given extends AnyClient>(
  client: Given,
  channel: Channel,
  options: MessagesOptions = {},
): MessagesStore<DeclaredOf<Given>> {
  const { types, join = false, pageSize = 50, max = 1_000 } = options;
  const name = ["messages", channel, types && [...types].sort(), join, pageSize, max];
  const made = shared(client, name, () => {
    let feed: ChannelFeed | undefined;
    const followed = untyped(client);
    const store = new SharedStore<FeedState>({
      client: followed,
      initial: INITIAL,
      start(run) {
        feed = new ChannelFeed(followed, run, { channel, types, join, pageSize, max });
      },
    });
    return Object.assign(store, { loadOlder: async () => feed?.loadOlder() });
  });
  // The declaration of the client says what is in its messages.
  return made as unknown as MessagesStore<DeclaredOf<Given>>;
}
