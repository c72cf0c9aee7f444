import { type Client, type ConnectOptions, connect, type Status } from "../../src/client/client.ts";

/** Reconnect delays of a few milliseconds. */
export const QUICK = { minMs: 1, maxMs: 5 };

type StatusOf<Type extends Status["type"]> = Extract<Status, { type: Type }>;

/** A client under test that records its messages and statuses. */
export class Observed implements AsyncDisposable {
  readonly client: Client;
  readonly statuses: Status[] = [];
  /** Data of the received messages. */
  readonly received: unknown[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(url: string, options: ConnectOptions = {}) {
    this.client = connect(url, { user: "alice", reconnect: QUICK, ...options });
    this.client.onStatus((status) => {
      this.statuses.push(status);
      this.#look();
    });
    this.client.on("*", ({ data }) => {
      this.received.push(data);
      this.#look();
    });
  }

  /** Resolves when the condition holds. It is checked after every message and status. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
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

  #look(): void {
    for (const look of this.#waiting) look();
  }
}
