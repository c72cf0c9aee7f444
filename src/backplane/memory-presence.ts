import { Grace } from "./memory-grace.ts";
import type { MemoryLink } from "./memory-link.ts";
import { Roster } from "./memory-roster.ts";
import { SetMap } from "./memory-sets.ts";
import type { Admission, ConnectionInfo, ConnectionRules, OnlinePage, Presence, Routes } from "./port.ts";

const NONE: readonly ConnectionInfo[] = [];

export class MemoryPresence implements Presence, Routes {
  readonly #link: MemoryLink;
  /** Users with connections in a group, by group. */
  readonly #groups = new SetMap();
  readonly #grace: Grace;
  readonly #roster = new Roster();
  #connections = 0;

  constructor(link: MemoryLink, graceMs: number) {
    this.#link = link;
    this.#grace = new Grace(graceMs, (user) => link.sink.presence(user, false));
  }

  async arrive(connection: ConnectionInfo, rules: ConnectionRules): Promise<Admission> {
    const { sink } = this.#link;
    const { user } = connection;
    const attendance = this.#roster.get(user);
    const admission = admit(connection, attendance?.connections ?? NONE, rules);
    if (!admission.admitted) return admission;
    this.#connections += 1 - admission.evicted.length;
    if (attendance !== undefined) {
      for (const evicted of admission.evicted) remove(attendance.connections, evicted.id);
      attendance.connections.push(connection);
      return admission;
    }
    this.#roster.add(user, connection);
    if (!this.#grace.end(user)) sink.presence(user, true);
    return admission;
  }

  /** Does nothing for a connection that is not there: the evicted ones have gone already. */
  async depart({ id, user }: ConnectionInfo): Promise<void> {
    this.#link.assertUp();
    const attendance = this.#roster.get(user);
    if (attendance === undefined || !remove(attendance.connections, id)) return;
    this.#connections--;
    if (attendance.connections.length > 0) return;
    this.#roster.remove(attendance);
    this.#grace.begin(user);
  }

  async connectionsOf(user: string): Promise<ConnectionInfo[]> {
    this.#link.assertUp();
    return [...(this.#roster.get(user)?.connections ?? NONE)];
  }

  async online({ limit, cursor }: { limit: number; cursor?: string }): Promise<OnlinePage> {
    this.#link.assertUp();
    return this.#roster.page(limit, cursor);
  }

  async count(): Promise<{ users: number; connections: number }> {
    this.#link.assertUp();
    return { users: this.#roster.size, connections: this.#connections };
  }

  async inGroup(group: string): Promise<string[]> {
    this.#link.assertUp();
    return this.#groups.list(group);
  }

  async join(group: string, user: string): Promise<void> {
    this.#link.assertUp();
    this.#groups.add(group, user);
  }

  async leave(group: string, user: string): Promise<void> {
    this.#link.assertUp();
    this.#groups.delete(group, user);
  }

  /** No user goes offline any more. */
  stop(): void {
    this.#grace.stop();
  }
}

/** What the rules say about one more connection beside the present ones (oldest first). */
function admit(
  { platform }: ConnectionInfo,
  present: readonly ConnectionInfo[],
  { maxPerUser, perUserPolicy, onePerPlatform }: ConnectionRules,
): Admission {
  const replaced = onePerPlatform ? present.filter((other) => other.platform === platform) : NONE;
  const excess = maxPerUser > 0 ? present.length - replaced.length + 1 - maxPerUser : 0;
  if (excess <= 0) return { admitted: true, evicted: replaced };
  if (perUserPolicy === "reject") return { admitted: false };
  const others = present.filter((other) => !replaced.includes(other));
  return { admitted: true, evicted: [...replaced, ...others.slice(0, excess)] };
}

/** @returns whether it was there */
function remove(connections: ConnectionInfo[], id: string): boolean {
  const index = connections.findIndex((connection) => connection.id === id);
  if (index === -1) return false;
  connections.splice(index, 1);
  return true;
}
