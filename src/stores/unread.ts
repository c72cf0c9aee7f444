import type { TidingsError } from "../client/client.ts";
import { insist } from "./insist.ts";
import { type Run, SharedStore, shared } from "./shared-store.ts";
import type { Store } from "./snapshots.ts";
import { type AnyClient, type StoreClient, untyped } from "./store-client.ts";

/** Unread messages of the user's conversations in the chat backend (docs/CHAT.md). */
export interface Unread {
  /** Of all conversations. */
  readonly total: number;
  /** By group, those without unread messages included. */
  readonly groups: ReadonlyMap<string, number>;
  /** `idle`: without a client. `failed`: the server has no chat, or refuses, and `error` says which. */
  readonly state: "idle" | "loading" | "ready" | "failed";
  readonly error: TidingsError | undefined;
}

export interface UnreadStore extends Store<Unread> {
  /** Marks a conversation as read, up to a message, or whole. Rejects with the server's error. */
  markRead(group: string, offset?: number): Promise<void>;
}

const LOADING: Unread = { total: 0, groups: new Map(), state: "loading", error: undefined };

/** Unread messages without a client. */
export const NO_UNREAD: Unread = { ...LOADING, state: "idle" };

/** Pause before the counts are read again, in milliseconds: several changes cost one request. */
const SETTLE_MS = 200;

/** Unread messages of the chat backend, by conversation, as they come and are read on any device. */
export function unreadStore(client: AnyClient): UnreadStore {
  return shared(client, ["unread"], () => {
    const followed = untyped(client);
    let counts: Counts | undefined;
    const start = (run: Run<Unread>): void => {
      counts = new Counts(followed, run);
    };
    const store = new SharedStore<Unread>({ client: followed, initial: LOADING, start });
    const markRead = async (group: string, offset?: number): Promise<void> => {
      const read = await followed.request<Count & { group: string }>("chat.read", { group, offset });
      counts?.set(read.group, read);
    };
    return Object.assign(store, { markRead });
  });
}

/** Unread messages of a conversation, counted up to an offset. */
interface Count {
  readonly unread: number;
  readonly offset: number;
}

/** A page of `chat.groups`. */
interface GroupsPage {
  readonly groups: readonly {
    readonly group: string;
    readonly unread: number;
    readonly last?: { readonly offset?: number };
  }[];
  readonly cursor?: string;
}

/** What the chat sends about a group, as far as it matters here. */
interface Told {
  readonly from?: string;
  readonly group?: string;
  readonly offset?: number;
  readonly data: unknown;
}

class Counts {
  readonly #client: StoreClient;
  readonly #run: Run<Unread>;
  readonly #counts = new Map<string, Count>();
  #refreshing: ReturnType<typeof setTimeout> | undefined;
  /** Messages since the counts were asked for, which may not be in them. */
  #since: Told[] = [];

  constructor(client: StoreClient, run: Run<Unread>) {
    this.#client = client;
    this.#run = run;
    const refresh = (): void => this.#refreshSoon();
    const said = (message: Told): void => {
      this.#since.push(message);
      this.#said(message);
    };
    run.onEnd(client.on("chat", said));
    run.onEnd(client.on("chat.read", (message) => this.#read(message)));
    run.onEnd(client.on("chat.joined", refresh));
    run.onEnd(client.on("chat.removed", refresh));
    run.onEnd(
      client.onStatus(({ type }) => {
        if (type === "open" || type === "lost") refresh();
      }),
    );
    run.onEnd(() => clearTimeout(this.#refreshing));
    void this.#refresh();
  }

  set(group: string, { unread, offset }: Count): void {
    const counted = Math.max(this.#counts.get(group)?.offset ?? 0, offset);
    this.#counts.set(group, { unread, offset: counted });
    this.#show();
  }

  #said({ from, group, offset }: Told): void {
    if (group === undefined || offset === undefined) return;
    const count = this.#counts.get(group);
    // A conversation that is new.
    if (!count) this.#refreshSoon();
    // Who writes has read what is before. Up to the offset of the count, messages are counted already.
    else if (offset > count.offset)
      this.set(group, { unread: from === this.#client.user ? 0 : count.unread + 1, offset });
  }

  /** Another device of the user may have read. */
  #read({ group, data }: Told): void {
    const { user, offset } = data as { user: string; offset: number }; // as the chat sends it
    const count = group === undefined ? undefined : this.#counts.get(group);
    if (group === undefined || !count || user !== this.#client.user) return;
    if (offset >= count.offset) this.set(group, { unread: 0, offset: count.offset });
    else this.#refreshSoon();
  }

  #refreshSoon(): void {
    clearTimeout(this.#refreshing);
    this.#refreshing = setTimeout(() => void this.#refresh(), SETTLE_MS);
  }

  async #refresh(): Promise<void> {
    const { signal } = this.#run;
    this.#since = [];
    try {
      const found = new Map<string, Count>();
      let cursor: string | undefined;
      do {
        const ask = () =>
          this.#client.request<GroupsPage>("chat.groups", { cursor }, { idempotent: true, signal });
        const page: GroupsPage = await insist(this.#client, signal, ask);
        for (const { group, unread, last } of page.groups)
          found.set(group, { unread, offset: last?.offset ?? 0 });
        cursor = page.cursor;
      } while (cursor !== undefined);
      this.#replace(found);
    } catch (error) {
      this.#run.change({ state: "failed", error: error as TidingsError }); // a call rejects with nothing else
    }
  }

  #replace(found: ReadonlyMap<string, Count>): void {
    this.#counts.clear();
    for (const [group, count] of found) this.#counts.set(group, count);
    this.#show();
    for (const message of this.#since) this.#said(message);
  }

  #show(): void {
    const groups = new Map([...this.#counts].map(([group, { unread }]) => [group, unread]));
    const total = [...groups.values()].reduce((sum, unread) => sum + unread, 0);
    this.#run.set({ total, groups, state: "ready", error: undefined });
  }
}
