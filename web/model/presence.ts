import type { Client } from "../../src/client/client.ts";
import type { Events } from "../events.ts";
import type { State } from "./state.ts";

/** Keeps who is online, and on which platforms. */
export class PresenceList {
  readonly #client: Client<Events>;
  readonly #state: State;

  constructor(client: Client<Events>, state: State) {
    this.#client = client;
    this.#state = state;
  }

  /** Takes everyone anew: while there was no connection, anyone may have come and gone. */
  async refresh(): Promise<void> {
    const online = await this.#client.watchPresence({ all: true });
    this.#state.online.value = new Map(Object.entries(online));
  }

  /** A watched user came or went. On which platforms, the event does not tell. */
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
