import type { Connection } from "../../local/local.ts";
import { encodeServerFrame, TidingsError } from "../../protocol/protocol.ts";
import { Roster } from "./roster.ts";

/** Limit of users that a connection watches by name: each costs memory. */
const MAX_WATCHED = 10_000;

/** The application's hooks about presence: they hear of every user. */
export interface PresenceListeners {
  readonly exist: boolean;
  tell(user: string, online: boolean): void;
}

/** Platforms of online users, by user. */
export type Online = Record<string, readonly string[]>;

/** The users that a connection watches, with what it was told; undefined before the reply. */
interface Watched {
  readonly named: Map<string, boolean | undefined>;
  /** Users of the reply about all users, where the roster did not say so. */
  listed: Map<string, boolean> | undefined;
}

/**
 * Connections that watch the presence of users, and what each was told. An event that tells nothing new is dropped. So an
 * event and a comparison may both find the same change, and it is told once.
 */
export class Watchers {
  readonly #listeners: PresenceListeners;
  readonly #watchers = new Map<string, Set<Connection>>();
  readonly #watched = new Map<Connection, Watched>();
  readonly #everyone = new Set<Connection>();
  #roster: Roster | undefined;
  /** Reads who is online, where events can be lost: only then is there something to compare with. */
  onEveryone: () => Promise<void> = async () => {};

  constructor(listeners: PresenceListeners) {
    this.#listeners = listeners;
  }

  /**
   * Watches users, or all users without `users`, in addition to the users that the connection watches already. The first
   * watcher of all users waits until those who are online are known.
   * @throws TidingsError `too_large` when the sum could exceed 10,000 users
   */
  watch(connection: Connection, users?: readonly string[]): Promise<void> | undefined {
    const watched = this.#watched.get(connection) ?? { named: new Map(), listed: undefined };
    if (watched.named.size + (users?.length ?? 0) > MAX_WATCHED) {
      throw new TidingsError("too_large", `a connection watches at most ${MAX_WATCHED} users by name`);
    }
    this.#watched.set(connection, watched);
    for (const user of users ?? []) {
      watched.named.set(user, undefined);
      const watchers = this.#watchers.get(user);
      if (watchers === undefined) this.#watchers.set(user, new Set([connection]));
      else watchers.add(connection);
    }
    if (users !== undefined) return undefined;
    this.#everyone.add(connection);
    return this.#roster === undefined ? this.onEveryone() : undefined;
  }

  /**
   * Notes the reply to a watch. An event since the watch began is newer than what was read for the reply.
   * @param users those of the watch; undefined for all users
   * @returns what the reply has to say
   */
  replied(connection: Connection, online: Online, users?: readonly string[]): Online {
    const watched = this.#watched.get(connection);
    if (watched === undefined) return online;
    if (users === undefined) {
      const unknown = Object.keys(online).filter((user) => this.#roster?.has(user) !== true);
      if (unknown.length > 0) watched.listed = new Map(unknown.map((user) => [user, true]));
      return online;
    }
    const known: [string, readonly string[]][] = [];
    for (const user of users) {
      const told = watched.named.get(user) ?? Object.hasOwn(online, user);
      if (watched.named.has(user)) watched.named.set(user, told); // unless the watch has ended meanwhile
      // Not by its name alone: a user may be called "constructor".
      if (told) known.push([user, (Object.hasOwn(online, user) && online[user]) || []]);
    }
    return Object.fromEntries(known);
  }

  /** Tells whom a connection watches. */
  watchedBy(connection: Connection): { everyone: boolean; users: string[] } {
    const users = [...(this.#watched.get(connection)?.named.keys() ?? [])];
    return { everyone: this.#everyone.has(connection), users };
  }

  /** Ends the watch of one user, or of all users without `user`: those watched by name stay. */
  unwatch(connection: Connection, user?: string): void {
    const watched = this.#watched.get(connection);
    if (user !== undefined) {
      watched?.named.delete(user);
      this.#forget(connection, user);
      return;
    }
    this.#everyone.delete(connection);
    if (watched !== undefined) watched.listed = undefined;
  }

  #forget(connection: Connection, user: string): void {
    const watchers = this.#watchers.get(user);
    watchers?.delete(connection);
    if (watchers?.size === 0) this.#watchers.delete(user);
  }

  /** Removes a connection that has ended. */
  drop(connection: Connection): void {
    for (const user of this.#watched.get(connection)?.named.keys() ?? []) this.#forget(connection, user);
    this.#watched.delete(connection);
    this.#everyone.delete(connection);
  }

  /** Passes on an event: sends a `presence` frame to those watchers who were told something else, and calls the hooks. */
  notify(user: string, online: boolean): void {
    this.#tell(user, online, this.#roster?.toldOf(user));
  }

  /** Passes on what a comparison has found. Those who hear of everyone take a user who is not in the roster for offline. */
  found(user: string, online: boolean): void {
    this.#tell(user, online, this.#roster?.has(user) ?? online);
    if (!online) this.#roster?.foundOffline(user);
  }

  /** @param known what was told to those who hear of everyone; undefined when that is not known */
  #tell(user: string, online: boolean, known: boolean | undefined): void {
    // Nearly always nobody watches, and everyone who connects would cost a frame.
    if (this.#watchers.has(user) || this.#everyone.size > 0) this.#send(user, online, known);
    this.#roster?.told(user, online);
    if (known !== online) this.#listeners.tell(user, online);
  }

  #send(user: string, online: boolean, known: boolean | undefined): void {
    const text = encodeServerFrame({ event: "presence", user, online });
    for (const connection of this.#watchers.get(user) ?? []) {
      const named = this.#watched.get(connection)?.named;
      if (named?.get(user) === online) continue;
      named?.set(user, online);
      connection.send(text);
    }
    for (const connection of this.#everyone) {
      const watched = this.#watched.get(connection);
      if (watched?.named.has(user)) continue;
      const told = watched?.listed?.get(user) ?? known;
      if (watched?.listed?.has(user)) watched.listed.set(user, online);
      if (told !== online) connection.send(text);
    }
  }

  /** Users of whom a connection was told by name. */
  *named(): Iterable<string> {
    yield* this.#watchers.keys();
    for (const { listed } of this.#watched.values()) yield* listed?.keys() ?? [];
  }

  /**
   * Users who are online for those who hear of everyone; undefined while nobody does. It costs some 100 bytes for each user
   * online, and exists only while it is needed.
   */
  get roster(): Roster | undefined {
    const isNeeded = this.#everyone.size > 0 || this.#listeners.exist;
    if (isNeeded) this.#roster ??= new Roster();
    else this.#roster = undefined;
    return this.#roster;
  }
}
