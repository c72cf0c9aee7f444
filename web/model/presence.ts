import type { Client } from "../../src/client/client.ts";
import type { Events } from "../events.ts";
import type { State } from "./state.ts";

/** Maintains the users who are online, with their platforms. */
export class PresenceList {
  readonly #client: Client<Events>;
  readonly #state: State;

  constructor(client: Client<Events>, state: State) {
    this.#client = client;
    this.#state = state;
  }

  /** Reloads all users, because presence may have changed without a connection. */
  async refresh(): Promise<void> {
    const { online } = await this.#client.watchPresence({ all: true });
    this.#state.online.value = new Map(Object.entries(online));
  }

  /** Applies a presence event. It does not carry the platforms, so they are requested. */
  async changed(user: string, isOnline: boolean): Promise<void> {
    this.#put(user, isOnline ? (this.#state.online.peek().get(user) ?? []) : undefined);
    if (!isOnline) return;
    const { online } = await this.#client.presence({ users: [user] });
    this.#put(user, online[user]);
  }

  #put(user: string, platforms: readonly string[] | undefined): void {
    const online = new Map(this.#state.online.peek());
    if (platforms === undefined) online.delete(user);
    else online.set(user, platforms);
    this.#state.online.value = online;
  }
}
