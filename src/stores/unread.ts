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
  /** Reads the counts again, such as after a `chat.send` of this client into a conversation with unread messages. Never rejects. */
  refresh(): Promise<void>;
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
      // A message that came meanwhile may not be in the reply.
      counts?.refreshSoon();
    };
    return Object.assign(store, { markRead, refresh: async () => counts?.refresh() });
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

/** Other groups of the application may have messages of the chat's types too. */
const isOfChat = (group: string | undefined): group is string => group?.startsWith("chat:") === true;

class Counts {
  readonly #client: StoreClient;
  readonly #run: Run<Unread>;
  readonly #counts = new Map<string, Count>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Ends when the counts are read. Two reads at a time could end in the wrong order. */
  #reading: Promise<void> | undefined;
  /** True when something has changed since the last read began. */
  #isStale = false;
  /** Messages since the counts were asked for, which may not be in them. Undefined while none are asked for. */
  #since: Told[] | undefined;

  constructor(client: StoreClient, run: Run<Unread>) {
    this.#client = client;
    this.#run = run;
    const refresh = (): void => this.refreshSoon();
    const listeners: Record<string, (message: Told) => void> = {
      chat: (message) => {
        this.#since?.push(message);
        this.#said(message);
      },
      "chat.read": (message) => this.#read(message),
      "chat.joined": (message) => this.#joined(message),
      "chat.removed": refresh,
      "chat.changed": ({ data }) => {
        if ((data as { what: string }).what === "groups") refresh(); // as the chat sends it
      },
      // It may have been unread.
      "message.deleted": ({ group }) => {
        if (isOfChat(group) && this.#counts.get(group)?.unread !== 0) refresh();
      },
    };
    for (const [type, listener] of Object.entries(listeners)) run.onEnd(client.on(type, listener));
    run.onEnd(
      client.onStatus(({ type }) => {
        if (type === "open" || type === "lost") refresh();
      }),
    );
    run.onEnd(() => clearTimeout(this.#timer));
    void this.refresh();
  }

  set(group: string, { unread, offset }: Count): void {
    const counted = Math.max(this.#counts.get(group)?.offset ?? 0, offset);
    this.#counts.set(group, { unread, offset: counted });
    this.#show();
  }

  /** Reads the counts after a pause. The first of several changes sets the time, or a busy chat would put it off for ever. */
  refreshSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.refresh();
    }, SETTLE_MS);
  }

  /** Reads the counts, and once more when they are being read already. */
  refresh(): Promise<void> {
    this.#isStale = true;
    this.#reading ??= this.#readAll();
    return this.#reading;
  }

  #said({ from, group, offset }: Told): void {
    if (!isOfChat(group) || offset === undefined) return;
    const count = this.#counts.get(group);
    const isOwn = from === this.#client.user;
    // A conversation that is new. Who writes has read what is before, unless it was written offline.
    if (!count || (isOwn && count.unread > 0)) this.refreshSoon();
    // Up to the offset of the count, messages are counted already.
    if (count && offset > count.offset) this.set(group, { unread: isOwn ? 0 : count.unread + 1, offset });
  }

  /** Another device of the user may have read. */
  #read({ group, data }: Told): void {
    const { user, offset } = data as { user: string; offset: number }; // as the chat sends it
    if (!isOfChat(group) || user !== this.#client.user) return;
    const count = this.#counts.get(group);
    const isWhole = count !== undefined && offset >= count.offset;
    if (isWhole) this.set(group, { unread: 0, offset: count.offset });
    // Counts that are being read may be those from before.
    if (!isWhole || this.#since) this.refreshSoon();
  }

  /** The user may have joined a group on another device. Joins of others, which the chat may tell everyone, change no count. */
  #joined({ data }: Told): void {
    const { group, users, count } = data as { group: string; users: string[]; count: number }; // as the chat sends it
    const mayBeOwn = count > users.length || users.includes(this.#client.user ?? "");
    if (mayBeOwn && !this.#counts.has(group)) this.refreshSoon();
  }

  async #readAll(): Promise<void> {
    while (this.#isStale && !this.#run.signal.aborted) {
      this.#isStale = false;
      this.#since = [];
      try {
        this.#replace(await this.#ask());
      } catch (error) {
        this.#run.change({ state: "failed", error: error as TidingsError }); // a call rejects with nothing else
      }
      this.#since = undefined;
    }
    this.#reading = undefined;
  }

  async #ask(): Promise<Map<string, Count>> {
    const { signal } = this.#run;
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
    return found;
  }

  #replace(found: ReadonlyMap<string, Count>): void {
    this.#counts.clear();
    for (const [group, count] of found) this.#counts.set(group, count);
    this.#show();
    for (const message of this.#since ?? []) this.#said(message);
  }

  #show(): void {
    const groups = new Map([...this.#counts].map(([group, { unread }]) => [group, unread]));
    const total = [...groups.values()].reduce((sum, unread) => sum + unread, 0);
    this.#run.set({ total, groups, state: "ready", error: undefined });
  }
}
