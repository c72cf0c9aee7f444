import { type Channel, groupChannel, targetOf, userChannel } from "../../../protocol/protocol.ts";
import type { ConnectionInfo, ConnectionRules } from "../../port.ts";
import { EVERY_PARTITION, partitionOfUser } from "../wire/keys.ts";

/**
 * A connection of this node. `arriving`: Redis has not replied yet. `present`: registered in Redis, or to be registered.
 * `evicted`: no longer registered, and never again; its end is on the way.
 */
export interface LocalConnection {
  readonly connection: ConnectionInfo;
  readonly state: "arriving" | "present" | "evicted";
  /** Number of the arrival, as Redis assigned it. */
  readonly seq: number;
}

type Mutable = { -readonly [Key in keyof LocalConnection]: LocalConnection[Key] };

/** Connections of a partition, as Redis counts them. */
export interface Counts {
  /** Connections about which Redis has not replied. */
  readonly arriving: number;
  readonly present: number;
  /** Number of the latest arrival. */
  readonly highest: number;
}

/** Presence on this node: its connections by user, and users by joined group. Redis is reconciled with it. */
export class LocalPresence {
  readonly #onNoMembers: (channel: Channel) => void;
  readonly #users = new Map<string, Mutable[]>();
  /** Data of the users who have joined each group on this node: Redis gets them again after it has lost them. */
  readonly #groups = new Map<string, Map<string, string | undefined>>();
  readonly #counts = EVERY_PARTITION.map(() => ({ arriving: 0, present: 0, evicted: 0, highest: 0 }));

  /** Counts arrivals and joins. While it is unchanged, a channel without local members still has none. */
  arrivals = 0;
  /** Rules of the last arrival. They are equal for all arrivals. */
  rules: ConnectionRules = { maxPerUser: 0, perUserPolicy: "reject", onePerPlatform: false };

  /** @param onNoMembers called when a channel has no local member any more */
  constructor(onNoMembers: (channel: Channel) => void) {
    this.#onNoMembers = onNoMembers;
  }

  get connections(): readonly LocalConnection[] {
    return [...this.#users.values()].flat();
  }

  get users(): Iterable<string> {
    return this.#users.keys();
  }

  /** Counts the connections of a partition without visiting them. */
  countsAt(partition: number): Counts {
    return this.#counts[partition] ?? NO_COUNTS;
  }

  get groups(): Iterable<[string, ReadonlyMap<string, string | undefined>]> {
    return this.#groups;
  }

  connectionsOf(user: string): readonly LocalConnection[] {
    return this.#users.get(user) ?? NONE;
  }

  find(user: string, id: string): LocalConnection | undefined {
    return this.#users.get(user)?.find(({ connection }) => connection.id === id);
  }

  hasMember(group: string, user: string): boolean {
    return this.#groups.get(group)?.has(user) ?? false;
  }

  get groupNames(): Iterable<string> {
    return this.#groups.keys();
  }

  membersOf(group: string): ReadonlyMap<string, string | undefined> {
    return this.#groups.get(group) ?? NO_MEMBERS;
  }

  /** Tells whether a channel has local members. The channel `all` counts as one that has. */
  hasLocal(channel: Channel): boolean {
    const { to, group } = targetOf(channel);
    if (to !== undefined) return this.#users.has(to);
    return group === undefined || this.#groups.has(group);
  }

  add(connection: ConnectionInfo): LocalConnection {
    this.arrivals++;
    const local: Mutable = { connection, state: "arriving", seq: 0 };
    this.#count(local, 1);
    const connections = this.#users.get(connection.user);
    if (connections === undefined) this.#users.set(connection.user, [local]);
    else connections.push(local);
    return local;
  }

  /** Redis has admitted a connection. A command that evicts it may have overtaken the reply. */
  admit(local: Mutable, seq: number): void {
    this.#count(local, -1);
    local.seq = seq;
    if (local.state === "arriving") local.state = "present";
    this.#count(local, 1);
  }

  /** Redis has removed a connection for good. */
  evict(local: Mutable): void {
    this.#count(local, -1);
    local.state = "evicted";
    this.#count(local, 1);
  }

  remove({ id, user }: ConnectionInfo): void {
    const connections = this.#users.get(user);
    const index = connections?.findIndex(({ connection }) => connection.id === id) ?? -1;
    if (connections === undefined || index === -1) return;
    for (const local of connections.splice(index, 1)) this.#count(local, -1);
    if (connections.length > 0) return;
    this.#users.delete(user);
    this.#onNoMembers(userChannel(user));
  }

  #count({ connection, state, seq }: LocalConnection, step: 1 | -1): void {
    const counts = this.#counts[partitionOfUser(connection.user)];
    if (counts === undefined) return;
    counts[state] += step;
    counts.highest = Math.max(counts.highest, seq);
  }

  join(group: string, user: string): void {
    this.arrivals++;
    const members = this.#groups.get(group);
    if (members === undefined) this.#groups.set(group, new Map([[user, undefined]]));
    else if (!members.has(user)) members.set(user, undefined);
  }

  /** Notes the data of a member on this node, as Redis has them. */
  setData(group: string, user: string, json: string | undefined): void {
    const members = this.#groups.get(group);
    if (members?.has(user)) members.set(user, json);
  }

  leave(group: string, user: string): void {
    const members = this.#groups.get(group);
    if (!members?.delete(user) || members.size > 0) return;
    this.#groups.delete(group);
    this.#onNoMembers(groupChannel(group));
  }
}

const NONE: readonly LocalConnection[] = [];
const NO_MEMBERS: ReadonlyMap<string, string | undefined> = new Map();
const NO_COUNTS: Counts = { arriving: 0, present: 0, highest: 0 };
