import type { CallOptions, Session } from "../session/session.ts";

/** Platforms of the users who are online, by user. */
export type Online = Record<string, string[]>;

/** Selects users, the members of a group, or with neither everyone. */
export type PresenceQuery = {
  readonly users?: readonly string[] | undefined;
  readonly group?: string | undefined;
};

/** Selects the users to watch. */
export type WatchQuery = { readonly users: readonly string[] } | { readonly all: true };

/** A watched user came online or went offline. */
export interface PresenceEvent {
  readonly user: string;
  readonly online: boolean;
}

/** The server's limit for one request. */
const USERS_PER_REQUEST = 1_000;

/** The users whose presence the client watches. It watches them again on every connection. */
export class PresenceWatch {
  readonly #session: Session;
  readonly #changed: (event: PresenceEvent) => void;
  /** Users watched by name, and whether each is online. */
  readonly #users = new Map<string, boolean>();
  /** Users with a presence frame since the last request: its reply may be older than the frame. */
  readonly #changedSince = new Set<string>();
  #all = false;

  constructor(session: Session, changed: (event: PresenceEvent) => void) {
    this.#session = session;
    this.#changed = changed;
  }

  async watch(query: WatchQuery, options?: CallOptions): Promise<Online> {
    const online = await this.#request(query, options);
    if ("all" in query) this.#all = true;
    else for (const user of query.users) this.#users.set(user, Object.hasOwn(online, user));
    return online;
  }

  /** Applies a presence frame. */
  update(user: string, online: boolean): void {
    if (this.#users.has(user)) {
      this.#users.set(user, online);
      this.#changedSince.add(user);
    }
    this.#changed({ user, online });
  }

  /** Watches again on a new connection, and reports the changes since the last one. */
  online(): Promise<void> {
    return this.#session.insist(() => this.#watchAgain()).catch(this.#session.report);
  }

  async #watchAgain(): Promise<void> {
    const watched = [...this.#users.keys()];
    for (let from = 0; from < watched.length; from += USERS_PER_REQUEST) {
      const users = watched.slice(from, from + USERS_PER_REQUEST);
      this.#changedSince.clear();
      const online = await this.#request({ users });
      for (const user of users) {
        if (this.#changedSince.has(user)) continue;
        const isOnline = Object.hasOwn(online, user);
        if (isOnline !== this.#users.get(user)) this.update(user, isOnline);
      }
    }
    if (!this.#all) return;
    for (const user of Object.keys(await this.#request({ all: true }))) this.update(user, true);
  }

  async #request(query: WatchQuery, options?: CallOptions): Promise<Online> {
    const reply = await this.#session.request("presence.watch", query, options);
    return (reply as { online: Online }).online; // as the protocol says
  }
}
