import type { Client } from "../../../../src/client/client.ts";
import type { Events } from "../../events.ts";
import type { State } from "../state.ts";

/** Changes of this time become one change of the state, and one request: thousands a second may come. */
const COLLECT_MS = 100;

/** The server's limit for one request. */
const USERS_PER_REQUEST = 1_000;

/** Users that are kept. Beyond them the page shows the first ones only. */
const MAX_USERS = 10_000;

/** Maintains the users who are online, with their platforms. */
export class PresenceList {
  readonly #client: Client<Events>;
  readonly #state: State;
  readonly #changes = new Map<string, boolean>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client<Events>, state: State) {
    this.#client = client;
    this.#state = state;
  }

  /** Reloads all users, because presence may have changed without a connection. */
  async refresh(): Promise<void> {
    const { online } = await this.#client.watchPresence({ all: true });
    this.#changes.clear();
    this.#state.online.value = new Map(Object.entries(online));
  }

  changed(user: string, isOnline: boolean): void {
    this.#changes.set(user, isOnline);
    this.#timer ??= setTimeout(() => void this.#apply(), COLLECT_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Applies the collected events. They do not carry the platforms, so they are requested. */
  async #apply(): Promise<void> {
    const changes = new Map(this.#changes);
    this.#changes.clear();
    this.#timer = undefined;
    this.#put(changes, (user) => this.#state.online.peek().get(user) ?? []);
    const users = [...changes.keys()].filter((user) => changes.get(user)).slice(0, USERS_PER_REQUEST);
    if (users.length === 0) return;
    // Without an answer they stay online, without platforms.
    const { online } = await this.#client.presence({ users }).catch(() => ({ online: undefined }));
    if (online === undefined) return;
    const answered = users.filter((user) => !this.#changes.has(user) && this.#state.online.peek().has(user));
    this.#put(
      new Map(answered.map((user) => [user, Object.hasOwn(online, user)])),
      (user) => online[user] ?? [],
    );
  }

  #put(changes: ReadonlyMap<string, boolean>, platformsOf: (user: string) => readonly string[]): void {
    const online = new Map(this.#state.online.peek());
    for (const [user, isOnline] of changes) {
      if (!isOnline) online.delete(user);
      else if (online.size < MAX_USERS || online.has(user)) online.set(user, platformsOf(user));
    }
    this.#state.online.value = online;
  }
}
