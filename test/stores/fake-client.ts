import type { HistoryQuery, Positions, PresenceEvent, Status } from "../../src/client/client.ts";
import type { Push } from "../../src/protocol/protocol.ts";
import type { StoreClient } from "../../src/stores/stores.ts";
import { eventually } from "../support/eventually.ts";

/** A page of a history that a store has asked for. */
interface Asked {
  readonly query: HistoryQuery;
  readonly signal: AbortSignal | undefined;
  answer(messages: readonly Push[], page?: { readonly epoch?: string; readonly more?: boolean }): void;
  refuse(error: unknown): void;
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

  history(query: HistoryQuery, { signal }: { signal?: AbortSignal } = {}): Promise<unknown> {
    this.pages++;
    return new Promise((resolve, reject) => {
      const ended = (): void => void this.asked.splice(this.asked.indexOf(asked), 1);
      const asked: Asked = {
        ...{ query, signal },
        answer: (messages, { epoch = "e1", more = false } = {}) => {
          ended();
          resolve({ epoch, messages, more });
        },
        refuse: (error) => {
          ended();
          reject(error);
        },
      };
      this.asked.push(asked);
      signal?.addEventListener("abort", () => asked.refuse(signal.reason));
    });
  }

  async join(group: string): Promise<void> {
    this.joined.push(`join ${group}`);
  }

  async leave(group: string): Promise<void> {
    this.joined.push(`leave ${group}`);
  }

  /** Resolves with the next page that a store asks for. */
  asks(): Promise<Asked> {
    return eventually("the store asks for a page", () => this.asked[0]);
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
