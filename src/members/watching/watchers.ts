import type { Connection } from "../local/local.ts";
import { encodeServerFrame, TidingsError } from "../protocol/protocol.ts";

/** Key of the watchers of all users. It is no id, because ids have no control characters. */
const EVERYONE = "\0everyone";

/** Limit of users that a connection watches by name: each costs memory. */
const MAX_WATCHED = 10_000;

/** Connections that watch the presence of users. */
export class Watchers {
  readonly #watchers = new Map<string, Set<Connection>>();
  readonly #watched = new Map<Connection, Set<string>>();

  /**
   * Watches users, or all users without `users`, in addition to the users that the connection watches already.
   * @throws TidingsError `too_large` when the sum could exceed 10,000 users
   */
  watch(connection: Connection, users?: readonly string[]): void {
    const watched = this.#watched.get(connection)?.size ?? 0;
    if (users !== undefined && watched + users.length > MAX_WATCHED) {
      throw new TidingsError("too_large", `a connection watches at most ${MAX_WATCHED} users by name`);
    }
    for (const key of users ?? [EVERYONE]) {
      entry(this.#watchers, key).add(connection);
      entry(this.#watched, connection).add(key);
    }
  }

  /** Removes a connection that has ended. */
  drop(connection: Connection): void {
    for (const key of this.#watched.get(connection) ?? []) {
      const watchers = this.#watchers.get(key);
      watchers?.delete(connection);
      if (watchers?.size === 0) this.#watchers.delete(key);
    }
    this.#watched.delete(connection);
  }

  /** Sends a `presence` frame to the watchers of a user. */
  notify(user: string, online: boolean): void {
    const text = encodeServerFrame({ type: "presence", user, online });
    const watchers = new Set([...(this.#watchers.get(user) ?? []), ...(this.#watchers.get(EVERYONE) ?? [])]);
    for (const connection of watchers) connection.send(text);
  }
}

function entry<Key, Value>(map: Map<Key, Set<Value>>, key: Key): Set<Value> {
  const found = map.get(key) ?? new Set();
  map.set(key, found);
  return found;
}
