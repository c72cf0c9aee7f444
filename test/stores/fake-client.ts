import type { HistoryQuery, Positions, PresenceEvent, Status, WatchQuery } from "../../src/client/client.ts";
import type { Push } from "../../src/protocol/protocol.ts";
import type { StoreClient } from "../../src/stores/stores.ts";
import { eventually } from "../support/eventually.ts";

/** A call of a store that is not answered yet. */
interface Call {
  readonly signal: AbortSignal | undefined;
  refuse(error: unknown): void;
}

/** A page of a history that a store has asked for. */
interface Asked extends Call {
  readonly query: HistoryQuery;
  answer(messages: readonly Push[], page?: { readonly epoch?: string; readonly more?: boolean }): void;
}

/** A request of a store. */
interface Request extends Call {
  readonly action: string;
  readonly data: unknown;
  answer(reply: unknown): void;
}

/** A watch of users' presence that a store has asked for. */
interface Watch extends Call {
  readonly query: WatchQuery;
  answer(...online: string[]): void;
}

interface Options {
  readonly signal?: AbortSignal;
}

/** A client whose server is the test: messages and replies come in the order that the test wants. */
export class FakeClient {
  state: StoreClient["state"] = "open";
  user: string | undefined = "alice";
  positions: Positions = {};
  /** Requests for pages that are not answered yet. */
  readonly asked: Asked[] = [];
  /** Number of all requests for pages. */
  pages = 0;
  readonly requests: Request[] = [];
  readonly watches: Watch[] = [];
  /** Watches of presence that have begun and not ended. */
  watching = 0;
  /** Joins, with their data if any, and leaves. */
  readonly joined: string[] = [];
  readonly #listeners = new Map<string, Set<(message: Push) => unknown>>();
  readonly #statuses = new Set<(status: Status) => void>();
  readonly #presences = new Set<(event: PresenceEvent) => void>();

  /** The client as a store sees it. */
  get client(): StoreClient {
    return this as unknown as StoreClient; // the methods that a test needs
  }

  /** Listeners of messages, statuses and presence. */
  get listeners(): number {
    const messages = [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
    return messages + this.#statuses.size + this.#presences.size;
  }

  on(type: string, listener: (message: Push) => unknown): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    return added(listeners, listener);
  }

  onStatus(listener: (status: Status) => void): () => void {
    return added(this.#statuses, listener);
  }

  onPresence(listener: (event: PresenceEvent) => void): () => void {
    return added(this.#presences, listener);
  }

  history(query: HistoryQuery, { signal }: Options = {}): Promise<unknown> {
    this.pages++;
    return pending(this.asked, signal, ({ answer, refuse }) => ({
      ...{ query, signal, refuse },
      answer: (messages, { epoch = "e1", more = false } = {}) => answer({ epoch, messages, more }),
    }));
  }

  request(action: string, data: unknown, { signal }: Options = {}): Promise<unknown> {
    return pending(this.requests, signal, (settle) => ({ action, data, signal, ...settle }));
  }

  watchPresence(query: WatchQuery, { signal }: Options = {}): Promise<unknown> {
    let isActive = true;
    const stop = (): void => {
      if (isActive) this.watching--;
      isActive = false;
    };
    return pending(this.watches, signal, ({ answer, refuse }) => ({
      ...{ query, signal, refuse },
      answer: (...users) => {
        this.watching++;
        answer({ online: Object.fromEntries(users.map((user) => [user, ["web"]])), stop });
      },
    }));
  }

  async join(group: string, { data }: { readonly data?: unknown } = {}): Promise<void> {
    this.joined.push(["join", group, ...(data === undefined ? [] : [data])].join(" "));
  }

  async leave(group: string): Promise<void> {
    this.joined.push(`leave ${group}`);
  }

  /** Resolves with the next page that a store asks for. */
  asks(): Promise<Asked> {
    return eventually("the store asks for a page", () => this.asked[0]);
  }

  /** Another connection begins, of a user who may be another one. */
  open(user = "alice"): void {
    this.user = user;
    this.tell({ type: "open", welcome: { user } as never });
  }

  push(message: Push): void {
    for (const type of [message.type, "*"])
      for (const listener of this.#listeners.get(type) ?? []) listener(message);
  }

  tell(status: Status): void {
    for (const listener of [...this.#statuses]) listener(status);
  }

  present(event: PresenceEvent): void {
    for (const listener of this.#presences) listener(event);
  }
}

/** Notes a call until it is answered, refused or aborted. */
function pending<Noted extends Call>(
  calls: Noted[],
  signal: AbortSignal | undefined,
  noted: (settle: { answer(reply: unknown): void; refuse(error: unknown): void }) => Noted,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      const at = calls.indexOf(call);
      if (at >= 0) calls.splice(at, 1);
    };
    const call = noted({
      answer(reply) {
        end();
        resolve(reply);
      },
      refuse(error) {
        end();
        reject(error);
      },
    });
    calls.push(call);
    signal?.addEventListener("abort", () => call.refuse(signal.reason));
  });
}

function added<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The message of group g at an offset, with a text that says so. */
export const message = (offset: number, fields: Partial<Push> = {}): Push => ({
  ...{ type: "chat", data: `m${offset}`, timestamp: offset, group: "g", id: `id-${offset}`, offset },
  ...fields,
});

/** Messages of group g from one offset to another. */
export const messages = (first: number, last: number): Push[] =>
  Array.from({ length: last - first + 1 }, (_, index) => message(first + index));

/** The notice of an edit, or without data of a deletion. */
export const notice = (at: number, offset: number, data?: unknown): Push =>
  message(at, {
    type: data === undefined ? "message.deleted" : "message.edited",
    data: { offset, id: `id-${offset}`, type: "chat", ...(data !== undefined && { data }) },
  });
