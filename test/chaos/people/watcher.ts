import { setTimeout as sleep } from "node:timers/promises";
import { type Client, connect } from "../../../src/client/client.ts";

const RECONNECT = { minMs: 20, maxMs: 500 };

/** A client that watches the presence of users by name. */
export class Watcher {
  readonly client: Client;
  readonly #users: readonly string[];
  readonly #online = new Map<string, boolean>();

  constructor(url: string, name: string, users: readonly string[]) {
    this.#users = users;
    this.client = connect(url, { user: name, reconnect: RECONNECT });
    this.client.onPresence(({ user, online }) => this.#online.set(user, online));
  }

  async watch(): Promise<void> {
    for (;;) {
      try {
        const { online } = await this.client.watchPresence({ users: this.#users });
        for (const user of this.#users) this.#online.set(user, Object.hasOwn(online, user));
        return;
      } catch {
        await sleep(100); // Redis or the node is not there now
      }
    }
  }

  /** Users who are online for all that the watcher was told, sorted. */
  get online(): readonly string[] {
    return this.#users.filter((user) => this.#online.get(user)).toSorted();
  }
}
