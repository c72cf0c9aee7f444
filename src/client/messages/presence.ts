import type { Session } from "../session/session.ts";

/** Users who are online, and on which platforms. */
export type Online = Record<string, string[]>;

/** Whose presence is asked for: of users, of a group, or of everyone. */
export type PresenceQuery = { readonly users?: readonly string[]; readonly group?: string };

/** Whom to watch. */
export type WatchQuery = { readonly users: readonly string[] } | { readonly all: true };

/** The server's limit. */
const USERS_PER_REQUEST = 1_000;

/** The users that the client watches, over all its connections. */
export class PresenceWatch {
  readonly #session: Session;
  readonly #changed: (user: string, online: boolean) => void;
  readonly #failed: (error: unknown) => void;
  /** Watched by name, and what is known of them. */
  readonly #users = new Map<string, boolean>();
  #all = false;

  constructor(
    session: Session,
    changed: (user: string, online: boolean) => void,
    failed: (error: unknown) => void,
  ) {
    this.#session = session;
    this.#changed = changed;
    this.#failed = failed;
  }

  async watch(query: WatchQuery): Promise<Online> {
    const online = await this.#request(query);
    if ("all" in query) this.#all = true;
    else for (const user of query.users) this.#users.set(user, Object.hasOwn(online, user));
    return online;
  }

  /** A presence frame came. */
  update(user: string, online: boolean): void {
    if (this.#users.has(user)) this.#users.set(user, online);
    this.#changed(user, online);
  }

  /** Watches again on a new connection, and tells what changed while there was none. */
  async online(): Promise<void> {
    try {
      await this.#session.insist(() => this.#watchAgain());
    } catch (error) {
      this.#failed(error);
    }
  }

  async #watchAgain(): Promise<void> {
    const watched = [...this.#users.keys()];
    for (let from = 0; from < watched.length; from += USERS_PER_REQUEST) {
      const users = watched.slice(from, from + USERS_PER_REQUEST);
      const online = await this.#request({ users });
      for (const user of users) {
        const isOnline = Object.hasOwn(online, user);
        if (isOnline !== this.#users.get(user)) this.update(user, isOnline);
      }
    }
    if (!this.#all) return;
    for (const user of Object.keys(await this.#request({ all: true }))) this.update(user, true);
  }

  async #request(query: WatchQuery): Promise<Online> {
    const reply = await this.#session.request("presence.watch", query);
    return (reply as { online: Online }).online; // as the protocol says
  }
}
