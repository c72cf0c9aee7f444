import { type Channel, groupChannel, targetOf, userChannel } from "../../../protocol/protocol.ts";
import type { ConnectionInfo, ConnectionRules } from "../../port.ts";

/**
 * A connection of this node. `arriving`: Redis has not answered yet; `present`: it is registered, or is to be;
 * `evicted`: it is not, never again, and somebody is about to end it.
 */
export interface Attendant {
  readonly connection: ConnectionInfo;
  state: "arriving" | "present" | "evicted";
  /** The order of coming, as Redis gave it. */
  seq: number;
}

/** What this node has: its connections by user, and the users that have joined groups here. What Redis is brought in line with. */
export class Mirror {
  readonly #onGone: (channel: Channel) => void;
  readonly #users = new Map<string, Attendant[]>();
  readonly #groups = new Map<string, Set<string>>();

  /** How often somebody has come or joined: who was not here is not here while it is the same. */
  entries = 0;
  /** The rules of the last arrival: they are the same for all. */
  rules: ConnectionRules = { maxPerUser: 0, perUserPolicy: "reject", onePerPlatform: false };

  /** @param onGone is told when a channel has no member here any more */
  constructor(onGone: (channel: Channel) => void) {
    this.#onGone = onGone;
  }

  get attendants(): readonly Attendant[] {
    return [...this.#users.values()].flat();
  }

  get groups(): Iterable<[string, ReadonlySet<string>]> {
    return this.#groups;
  }

  /** A user's connections here. */
  of(user: string): readonly Attendant[] {
    return this.#users.get(user) ?? NONE;
  }

  find(user: string, id: string): Attendant | undefined {
    return this.#users.get(user)?.find(({ connection }) => connection.id === id);
  }

  hasMember(group: string, user: string): boolean {
    return this.#groups.get(group)?.has(user) ?? false;
  }

  /** Whether anybody here receives a channel. Everyone does that of everyone. */
  hasLocal(channel: Channel): boolean {
    const { to, group } = targetOf(channel);
    if (to !== undefined) return this.#users.has(to);
    return group === undefined || this.#groups.has(group);
  }

  enter(connection: ConnectionInfo): Attendant {
    this.entries++;
    const attendant: Attendant = { connection, state: "arriving", seq: 0 };
    const present = this.#users.get(connection.user);
    if (present === undefined) this.#users.set(connection.user, [attendant]);
    else present.push(attendant);
    return attendant;
  }

  leave({ id, user }: ConnectionInfo): void {
    const present = this.#users.get(user);
    const index = present?.findIndex(({ connection }) => connection.id === id) ?? -1;
    if (present === undefined || index === -1) return;
    present.splice(index, 1);
    if (present.length > 0) return;
    this.#users.delete(user);
    this.#onGone(userChannel(user));
  }

  enterGroup(group: string, user: string): void {
    this.entries++;
    const members = this.#groups.get(group);
    if (members === undefined) this.#groups.set(group, new Set([user]));
    else members.add(user);
  }

  leaveGroup(group: string, user: string): void {
    const members = this.#groups.get(group);
    if (!members?.delete(user) || members.size > 0) return;
    this.#groups.delete(group);
    this.#onGone(groupChannel(group));
  }
}

const NONE: readonly Attendant[] = [];
