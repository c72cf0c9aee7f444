import {
  type Client,
  type ConnectOptions,
  connect,
  type PresenceEvent,
  type Status,
} from "../../src/client/client.ts";

/** Reconnect delays of a few milliseconds. */
export const QUICK = { minMs: 1, maxMs: 5 };

/** Longest wait for something that a client should see. */
const LIMIT_MS = 150_000;
/** Tests may replace the global ones. */
const { setTimeout: setRealTimeout, clearTimeout: clearRealTimeout } = globalThis;

type StatusOf<Type extends Status["type"]> = Extract<Status, { type: Type }>;

/** A client under test that records its messages and statuses. */
export class Observed implements AsyncDisposable {
  readonly client: Client;
  readonly statuses: Status[] = [];
  readonly presences: PresenceEvent[] = [];
  /** Data of the received messages. */
  readonly received: unknown[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(url: string, options: ConnectOptions = {}) {
    this.client = connect(url, { user: "alice", reconnect: QUICK, ...options });
    this.client.onStatus((status) => {
      this.statuses.push(status);
      this.#look();
    });
    this.client.onPresence((event) => {
      this.presences.push(event);
      this.#look();
    });
    this.client.on("*", ({ data }) => {
      this.received.push(data);
      this.#look();
    });
  }

  /**
   * Resolves when the condition holds. It is checked after every message and status.
   * @throws Error that tells what the client saw last, after {@link LIMIT_MS}
   */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const overdue = setRealTimeout(() => reject(new Error(this.#story(condition))), LIMIT_MS);
    const look = (): void => {
      if (!condition()) return;
      this.#waiting.delete(look);
      clearRealTimeout(overdue);
      resolve();
    };
    this.#waiting.add(look);
    return promise;
  }

  all<Type extends Status["type"]>(type: Type): StatusOf<Type>[] {
    return this.statuses.filter((status): status is StatusOf<Type> => status.type === type);
  }

  /** Resolves with the nth status of a type, counted from 1. */
  async status<Type extends Status["type"]>(type: Type, nth = 1): Promise<StatusOf<Type>> {
    await this.until(() => this.all(type).length >= nth);
    const status = this.all(type)[nth - 1];
    if (status === undefined) throw new Error(`no ${type}`);
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }

  #story(condition: () => boolean): string {
    const last = JSON.stringify({ received: this.received.slice(-20), statuses: this.statuses.slice(-10) });
    return `waited ${LIMIT_MS / 1_000} s in vain until ${condition}; state ${this.client.state}, at last ${last}`;
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}
