import type { Unsubscribe } from "../../protocol/protocol.ts";
import type { CallOptions, RequestPlan, Session } from "../session/session.ts";

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

/** A watch that has begun. */
export interface WatchedPresence {
  /** The selected users who are online. */
  readonly online: Online;
  /** Ends this watch. Users whom another watch of the client names stay watched. */
  readonly stop: Unsubscribe;
}

/** Name of everyone in a watch: ids have no control characters. */
const EVERYONE = "\0";

/** A request that is not written again on a later connection. */
const ONCE = { idempotent: false };

/** The users whose presence the client watches. It watches them again on every connection. */
export class PresenceWatch {
  readonly #session: Session;
  readonly #changed: (event: PresenceEvent) => void;
  /** The users of each watch that has not ended, and whether the server has answered it. */
  readonly #watches = new Map<readonly string[], boolean>();
  /** The last event of each watched user, empty before the first: a reply that says otherwise is a change. */
  readonly #known = new Map<string, Partial<PresenceEvent>>();

  constructor(session: Session, changed: (event: PresenceEvent) => void) {
    this.#session = session;
    this.#changed = changed;
  }

  async watch(query: WatchQuery, options?: CallOptions): Promise<WatchedPresence> {
    const users = "all" in query ? [EVERYONE] : [...query.users];
    const stop = (): void => {
      if (!this.#watches.delete(users)) return;
      const watched = new Set([...this.#watches.keys()].flat());
      const ended = users.filter((user) => !watched.has(user) && this.#known.delete(user));
      // A later connection does not know of them. A repeat could end a watch that has begun since.
      if (ended[0] && this.#session.isOnline) void this.#ask("presence.unwatch", ended, ONCE);
    };
    // Noted before the reply, because another watch of these users may end meanwhile.
    this.#watches.set(users, false);
    for (const user of users) if (!this.#known.has(user)) this.#known.set(user, {});
    try {
      const online = await this.#watch(users, options);
      this.#watches.set(users, true);
      return { online, stop };
    } catch (error) {
      stop();
      throw error;
    }
  }

  /** Takes a presence frame. One of an ended watch is dropped. */
  receive({ user, online }: PresenceEvent): void {
    const event = { user, online };
    const isNamed = this.#known.has(user);
    if (isNamed) this.#known.set(user, event);
    if (isNamed || this.#known.has(EVERYONE)) this.#changed(event);
  }

  /** Watches again on a new connection, and reports the changes since the last one. */
  online(): Promise<void> {
    const watchAgain = async (): Promise<void> => {
      for (const [users, isAnswered] of this.#watches) {
        // One that is not answered yet is written again by itself.
        if (!isAnswered) continue;
        const online = await this.#watch(users, ONCE);
        if (users[0] === EVERYONE) for (const user in online) this.#changed({ user, online: true });
      }
    };
    return this.#session.insist(watchAgain).catch(this.#session.report);
  }

  async #watch(users: readonly string[], options?: RequestPlan): Promise<Online> {
    const before = new Map(this.#known);
    const reply = await this.#ask("presence.watch", users, options);
    const { online } = reply as { online: Online }; // as the protocol says
    for (const user of users) {
      const known = this.#known.get(user);
      // A presence frame since the request is newer than the reply. A watch that has ended meanwhile left nothing.
      if (known !== before.get(user)) continue;
      const event = { user, online: Object.hasOwn(online, user) };
      this.#known.set(user, event);
      if (known?.online === !event.online) this.#changed(event);
    }
    return online;
  }

  #ask(action: string, users: readonly string[], options?: RequestPlan): Promise<unknown> {
    return this.#session.request(action, users[0] === EVERYONE ? { all: true } : { users }, options);
  }
}
