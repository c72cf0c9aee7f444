import type { PresenceView } from "../../backplane/backplane.ts";
import { isNews } from "../news.ts";
import type { Pace } from "../pace.ts";
import type { Roster } from "./roster.ts";
import type { Watchers } from "./watchers.ts";

export interface PresenceComparisonParts {
  readonly presence: PresenceView;
  readonly watchers: Watchers;
  readonly pace: Pace;
  readonly report: (stage: string, error: unknown) => void;
}

/** Users with an event since a comparison began: the event is at least as new as what the comparison reads. */
type Heard = ReadonlySet<string>;

/** Users online in one read. */
const USERS_PER_PAGE = 500;
/** Reads of single users at a time. */
const READS_AT_A_TIME = 32;

/**
 * Compares what watchers and hooks were told of the presence of users with the presence itself, and tells the differences.
 * Events may be missing after an outage, and nothing repeats them. The cost of a comparison is one read for each watched
 * user, and where all users are watched the pages of those who are online.
 */
export class PresenceComparison {
  readonly #parts: PresenceComparisonParts;
  /** Users with an event since the present comparison began. */
  #heard: Set<string> | undefined;
  #running: Promise<void> | undefined;
  #isRequested = false;
  #isSettled = () => false;

  constructor(parts: PresenceComparisonParts) {
    this.#parts = parts;
  }

  /** Passes on an event of the backplane. */
  heard(user: string, online: boolean): void {
    this.#heard?.add(user);
    this.#parts.watchers.notify(user, online);
  }

  /**
   * Compares. During a comparison it requests another one, because the state may have changed since its reads.
   * @param isSettled asked after each reading. False: only those who are online are told
   */
  run(isSettled: () => boolean): Promise<void> {
    this.#isRequested = true;
    this.#isSettled = isSettled;
    this.#parts.watchers.onEveryone = () => this.run(isSettled);
    this.#running ??= this.#runAll();
    return this.#running;
  }

  async #runAll(): Promise<void> {
    while (this.#isRequested) {
      this.#isRequested = false;
      const heard = new Set<string>();
      this.#heard = heard;
      try {
        await this.#compare(heard);
      } catch (error) {
        // During an outage nothing can be read. Its end requests another comparison.
        if (isNews(error)) this.#parts.report("presence", error);
      }
    }
    this.#heard = undefined;
    this.#running = undefined;
  }

  async #compare(heard: Heard): Promise<void> {
    const { watchers } = this.#parts;
    const { roster } = watchers;
    const present = roster === undefined ? new Set<string>() : await this.#compareAll(roster, heard);
    const named = [...new Set(watchers.named())];
    for (const user of named) {
      if (present.has(user) && !heard.has(user)) watchers.found(user, true);
    }
    const unknown = named.filter((user) => !present.has(user));
    await this.#readEach(unknown, heard);
  }

  /** Compares all users who are online. @returns those with connections */
  async #compareAll(roster: Roster, heard: Heard): Promise<ReadonlySet<string>> {
    const { presence, watchers, pace } = this.#parts;
    const isFirst = roster.begin();
    const present = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await presence.online({
        limit: USERS_PER_PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const { user } of page.users) {
        present.add(user);
        if (heard.has(user)) continue;
        if (isFirst) roster.fill(user);
        else watchers.found(user, true);
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    roster.filled();
    const absent: string[] = [];
    let step = 0;
    for (const user of roster.online) {
      if (!present.has(user)) absent.push(user);
      await pace.after(step++);
    }
    // Users in their grace period have no connections, and are online.
    await this.#readEach(absent, heard);
    return present;
  }

  async #readEach(users: readonly string[], heard: Heard): Promise<void> {
    const { presence, watchers } = this.#parts;
    for (let start = 0; start < users.length; start += READS_AT_A_TIME) {
      const some = users.slice(start, start + READS_AT_A_TIME);
      const states = await Promise.all(some.map((user) => presence.isOnline(user)));
      for (const [index, user] of some.entries()) {
        const isOnline = states[index] === true;
        if (!heard.has(user) && (isOnline || this.#isSettled())) watchers.found(user, isOnline);
      }
    }
  }
}
