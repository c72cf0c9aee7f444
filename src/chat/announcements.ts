import { type Core, reportFailure } from "./core.ts";
import type { Announce, Queries } from "./database/database.ts";

/** Time in which joins become one announcement. */
const COALESCE_MS = 1_000;

/** Users that an announcement names; it counts all of them. */
const MOST_NAMED = 20;

/** Groups whose announcements wait at a time. */
const MOST_GROUPS = 10_000;

interface Waiting {
  readonly to: Announce;
  readonly name: string;
  readonly users: string[];
  count: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Announces joins: the first users of a second by name, all of them by number. An announcement says how many members there are, so that none
 * of them asks for it.
 */
export class Announcements {
  readonly #core: Core;
  readonly #waiting = new Map<string, Waiting>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** @param to nobody, the group itself, or everyone */
  add(group: string, name: string, user: string, to: Announce): void {
    if (to === "nobody") return;
    const waiting = this.#waiting.get(group) ?? this.#begin(group, name, to);
    if (waiting === undefined) return;
    waiting.count++;
    if (waiting.users.length < MOST_NAMED) waiting.users.push(user);
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #begin(group: string, name: string, to: Announce): Waiting | undefined {
    if (this.#waiting.size >= MOST_GROUPS) return undefined;
    const timer = setTimeout(() => {
      this.#send(group).catch((error: unknown) => reportFailure(this.#core, "announcement", error));
    }, COALESCE_MS);
    const waiting = { to, name, users: [], count: 0, timer };
    this.#waiting.set(group, waiting);
    return waiting;
  }

  async #send(group: string): Promise<void> {
    const { hub, database } = this.#core;
    const waiting = this.#waiting.get(group);
    this.#waiting.delete(group);
    if (waiting === undefined) return;
    const { to, name, users, count } = waiting;
    const members = await database.guarded(() => countMembers(database.queries, group));
    if (members === undefined) return; // the group has ended
    const data = { group, name, users, count, members };
    const audience = to === "everyone" ? hub.everyone : hub.group(group);
    await audience.send({ type: "chat.joined", data, ephemeral: true });
  }
}

async function countMembers(queries: Queries, group: string): Promise<number | undefined> {
  const row = await queries
    .selectFrom("chat_group")
    .select("member_count")
    .where("group_id", "=", group)
    .executeTakeFirst();
  return row?.member_count;
}
