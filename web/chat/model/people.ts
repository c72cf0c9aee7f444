import { type Client, TidingsError } from "../../../src/client/client.ts";
import type { State } from "./state.ts";
import type { Ask, Person } from "./wire.ts";

/** Users that the page lists as online. Beyond, it says how many there are. */
const LISTED = 200;

/** Time between two readings of the list while the page is seen, for users of whom no events tell. */
const EVERY_MS = 15_000;

/** Changes of this time lead to one request. */
const COLLECT_MS = 150;

/** Users of one request for what they show. */
const ASKED = 200;

/** Friends that are watched, as many as the server takes in one request. */
const WATCHED = 1_000;

/** The other users: who they are, and who is online. */
export class People {
  readonly #client: Client;
  readonly #ask: Ask;
  readonly #state: State;
  readonly #wanted = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #interval: ReturnType<typeof setInterval>;
  #profiles: ReturnType<typeof setTimeout> | undefined;
  #refresh: ReturnType<typeof setTimeout> | undefined;
  #stopWatch: () => void = () => undefined;
  #watchesAll = false;
  #watched: ReadonlySet<string> = new Set();

  constructor(client: Client, ask: Ask, state: State) {
    this.#client = client;
    this.#ask = ask;
    this.#state = state;
    client.onPresence(({ user, online }) => this.#changed(user, online));
    this.#interval = setInterval(() => document.hidden || this.#watchesAll || this.refreshSoon(), EVERY_MS);
  }

  /** What a user shows. Until it is known, the id stands for the name. */
  person(user: string): Person {
    const known = this.#state.persons.value.get(user);
    if (known === undefined) this.#want(user);
    return known ?? { user, name: user };
  }

  /** Resolves with a user's name, for a text that does not change later. */
  async nameOf(user: string): Promise<string> {
    const known = this.#state.persons.peek().get(user);
    if (known !== undefined) return known.name;
    try {
      const person = await this.#ask("chat.profile", { user });
      this.learn([person]);
      return person.name;
    } catch {
      return user;
    }
  }

  /** Takes what replies say of users. */
  learn(persons: readonly Person[]): void {
    const known = new Map(this.#state.persons.peek());
    for (const { user, name, picture } of persons) known.set(user, { user, name, picture });
    this.#state.persons.value = known;
  }

  /** Begins to watch, on a new connection. */
  async opened(): Promise<void> {
    // Those whose request has failed are asked for again.
    for (const user of this.#asked) if (!this.#state.persons.peek().has(user)) this.#wanted.add(user);
    this.#asked.clear();
    this.#profilesSoon();
    await Promise.all([this.#watchAll(), this.#read()]);
  }

  /** Watches the friends, where the server does not let the user see everybody. */
  async watchFriends(): Promise<void> {
    if (this.#watchesAll) return;
    this.#stopWatch();
    const users = this.#state.friends.peek().friends.map(({ user }) => user);
    users.splice(WATCHED);
    this.#watched = new Set(users);
    if (this.#seesFriends) this.#state.present.value = new Set(this.#present());
    if (users.length > 0) await this.#watch({ users });
  }

  /** Reads the list again, soon. Of friends the events tell everything. */
  refreshSoon(): void {
    if (this.#seesFriends) return;
    this.#refresh ??= setTimeout(() => {
      this.#refresh = undefined;
      if (this.#client.state === "open") void this.#read().catch(() => undefined); // the next reading comes soon
    }, COLLECT_MS);
  }

  close(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#profiles);
    clearTimeout(this.#refresh);
  }

  /** True where the server lets the user see friends only. */
  get #seesFriends(): boolean {
    return this.#state.online.peek().of === "friends";
  }

  /** Users who are online, and of whom events tell when they go. */
  #present(): string[] {
    return [...this.#state.present.peek()].filter((user) => this.#watchesAll || this.#watched.has(user));
  }

  async #watchAll(): Promise<void> {
    if (this.#watchesAll) return;
    this.#watchesAll = await this.#watch({ all: true });
    if (!this.#watchesAll) await this.watchFriends();
  }

  /** @returns false when the policy of the server does not allow it */
  async #watch(query: { all: true } | { users: readonly string[] }): Promise<boolean> {
    try {
      const { online, stop } = await this.#client.watchPresence(query);
      this.#stopWatch = stop;
      this.#state.present.value = new Set([...this.#state.present.peek(), ...Object.keys(online)]);
      return true;
    } catch (error) {
      if (error instanceof TidingsError && error.code === "forbidden") return false;
      throw error;
    }
  }

  async #read(): Promise<void> {
    const { users, count, of } = await this.#ask("chat.online", { limit: LISTED });
    this.learn(users);
    this.#state.online.value = { listed: users, count, of };
    // A complete list tells of those who are gone, too.
    const others = count > users.length ? this.#present() : [];
    this.#state.present.value = new Set([...users.map(({ user }) => user), ...others]);
    if (of === "everyone" || !this.#watchesAll) return;
    // The user may no longer see everybody.
    this.#watchesAll = false;
    await this.watchFriends();
  }

  #changed(user: string, isOnline: boolean): void {
    const present = new Set(this.#state.present.peek());
    if (isOnline) present.add(user);
    else present.delete(user);
    this.#state.present.value = present;
    this.refreshSoon();
  }

  #want(user: string): void {
    if (this.#asked.has(user)) return;
    this.#wanted.add(user);
    this.#profilesSoon();
  }

  #profilesSoon(): void {
    this.#profiles ??= setTimeout(() => {
      this.#profiles = undefined;
      void this.#readProfiles();
    }, COLLECT_MS);
  }

  async #readProfiles(): Promise<void> {
    if (this.#client.state !== "open") return; // asked again on the next connection
    const users = [...this.#wanted].slice(0, ASKED);
    if (users.length === 0) return;
    for (const user of users) {
      this.#wanted.delete(user);
      this.#asked.add(user);
    }
    try {
      const { users: persons } = await this.#ask("chat.profiles", { users });
      this.learn(persons);
    } catch {
      // Names are no reason for a notice: the ids stand for them until the next connection.
    }
    if (this.#wanted.size > 0) this.#profilesSoon();
  }
}
