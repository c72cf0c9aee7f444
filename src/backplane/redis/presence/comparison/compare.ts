import { type Channel, groupChannel, userChannel } from "../../../../protocol/protocol.ts";
import type { Bus, TrafficCounts } from "../../bus/bus.ts";
import type { RunScript } from "../../connection/connection.ts";
import { KEY, partitionOf } from "../../wire/keys.ts";
import { FIELD, LINE } from "../../wire/lines.ts";
import type { Evictions, Kick } from "../evictions.ts";
import type { LocalPresence } from "../local.ts";
import { OWNED } from "../lua.ts";
import type { OfflineGrace } from "../offline.ts";
import { memberChange } from "../reconciler.ts";
import { encodeDetails, tokenOf } from "../record.ts";
import type { RedisRooms } from "../rooms/redis-rooms.ts";
import { ENROL } from "../rooms/scripts.ts";
import { readHash, readSet } from "../scan.ts";
import { ENTER_ALL } from "../scripts.ts";
import type { Listening } from "../watching/listening.ts";
import {
  COMPARE_GROUPS,
  COMPARE_USERS,
  DISOWN,
  MAX_LISTED,
  MEND_COUNTS,
  MEND_GROUPS,
  MEND_ONLINE,
  MEND_USERS,
} from "./scripts.ts";

export interface ComparisonParts {
  readonly local: LocalPresence;
  readonly offline: OfflineGrace;
  readonly evictions: Evictions;
  readonly rooms: RedisRooms;
  readonly listening: Listening;
  readonly graceMs: () => number;
  /** True while this node has not announced itself to a partition that has lost its data. */
  readonly isLost: (partition: number) => boolean;
  /** The birth of a partition that this node knows. */
  readonly birthOf: (partition: number) => string | undefined;
  readonly traffic: TrafficCounts;
}

/** Entries of a partition that Redis had wrong, and the channels that may have missed messages for it. */
export interface Mended {
  readonly entries: number;
  readonly channels: readonly Channel[];
}

/** Groups in which an incarnation has members, by its token. */
export type GroupsOf = ReadonlyMap<string, ReadonlySet<string>>;

/** Members of a group in one script: a script takes about a millisecond. */
const MEMBERS_PER_SCRIPT = 500;
/** Users online in one script, each with his connections. */
const ONLINE_PER_SCRIPT = 250;
/** Users or groups that are mended in one script. */
const MENDED_PER_SCRIPT = 50;

/**
 * Compares the presence of this node with what Redis has, name by name, and sets right what differs. Each script states
 * the whole truth about a name, as of the moment of the call: scripts of a node run in the order of their calls, so one
 * that was called before has run, and one that is called later finds the name right. Names with a connection that
 * arrives are left out, because the reply of Redis decides about it.
 */
export class PresenceComparison {
  readonly #run: RunScript;
  readonly #bus: Bus;
  readonly #parts: ComparisonParts;

  constructor(run: RunScript, bus: Bus, parts: ComparisonParts) {
    this.#run = run;
    this.#bus = bus;
    this.#parts = parts;
  }

  /** Compares users of one partition. */
  async users(partition: number, users: readonly string[]): Promise<Mended> {
    const facts = users.filter((user) => this.#isSettled(user)).flatMap((user) => this.#idsOf(user));
    if (facts.length === 0) return NOTHING;
    const differing = (await this.#run(COMPARE_USERS, partition, [this.#bus.token, ...facts])) as string[]; // by the script
    return this.#mendUsers(partition, differing, await this.#connectionsGone(partition, differing));
  }

  /**
   * Compares groups of one partition.
   * @returns also the groups of each other incarnation that has members in them, as Redis says
   */
  async groups(partition: number, groups: readonly string[]): Promise<Mended & { others: GroupsOf }> {
    const facts = groups.flatMap((group) => this.#memberFacts(group));
    const differing = new Set<string>();
    const others = new Map<string, Set<string>>();
    for (const chunk of chunksOf(facts, MEMBERS_PER_SCRIPT, ({ members }) => members.length + 1)) {
      const args = chunk.flatMap(({ group, count, members }) => {
        const carried = this.#parts.local.membersOf(group);
        const named = members.map((user) => (carried.get(user) === undefined ? "0" : "1") + user);
        return [group, count, members.length, ...named];
      });
      const reply = await this.#run(COMPARE_GROUPS, partition, [this.#bus.token, ...args]);
      const [count, ...rest] = reply as [number, ...string[]]; // by the script
      for (const group of rest.slice(0, count)) differing.add(group);
      for (let index = count; index + 1 < rest.length; index += 2) note(others, rest[index], rest[index + 1]);
    }
    const gone = await this.#membersGone(partition, [...differing], others);
    return { ...(await this.#mendGroups(partition, [...differing], gone)), others };
  }

  /**
   * Lists the members of a dead incarnation in groups of a partition among what it owns: Redis may have lost that list,
   * by which they are cleared. @returns number of entries to clear
   */
  async disown(token: string, partition: number, groups: Iterable<string>): Promise<number> {
    let entries = 0;
    for (const group of groups) {
      const joined = await readSet(this.#run, partition, KEY.joined, group);
      const members = [...joined].filter((member) => member.startsWith(token + FIELD));
      await this.#run(DISOWN, partition, [token, group, members.length]);
      for (const chunk of chunksOf(members, MEMBERS_PER_SCRIPT)) {
        const users = chunk.map((member) => member.slice(token.length + FIELD.length));
        await this.#run(DISOWN, partition, [token, group, members.length, ...users]);
      }
      entries += members.length + 1;
    }
    return entries;
  }

  /** Removes what Redis has of this node in a partition and this node does not have, and sets its counts right. */
  async ghosts(partition: number): Promise<Mended> {
    const owned = await readSet(this.#run, partition, KEY.owned, this.#bus.token);
    const connections = new Map<string, string[]>();
    const members = new Map<string, string[]>();
    const watched: string[] = [];
    const heard: Channel[] = [];
    for (const entry of owned) {
      const [first = "", second = ""] = entry.slice(1).split(FIELD);
      if (entry.startsWith(OWNED.connection) && this.#isGone(first, second))
        append(connections, first, second);
      if (entry.startsWith(OWNED.member) && !this.#parts.local.hasMember(first, second))
        append(members, first, second);
      if (entry.startsWith(OWNED.watch)) watched.push(first);
      if (entry.startsWith(OWNED.listener)) heard.push(first as Channel); // written by LISTEN
    }
    if (partition === partitionOf("all")) await this.#run(ENTER_ALL, partition, [this.#bus.token]);
    const mended = [
      await this.#mendUsers(partition, [...connections.keys()], connections),
      await this.#mendGroups(partition, [...members.keys()], members),
      { entries: await this.#mendCounts(partition), channels: [] },
      { entries: await this.#parts.rooms.watches.endStale(partition, watched), channels: [] },
      { entries: await this.#parts.listening.endStale(partition, heard), channels: [] },
    ];
    return sumOf(mended);
  }

  /**
   * Ends the presence of users who are listed as online without any connection.
   * @param roundMs duration of a round, in which a node would tell of connections that Redis has lost
   * @returns also the incarnations that have connections, as Redis says
   */
  async online(partition: number, roundMs: number): Promise<Mended & { incarnations: ReadonlySet<string> }> {
    const incarnations = new Set<string>();
    let entries = 0;
    for (let after = "0"; after !== ""; ) {
      const args = [after, ONLINE_PER_SCRIPT, this.#parts.graceMs(), roundMs / 2, 2 * roundMs];
      const reply = await this.#run(MEND_ONLINE, partition, args);
      const [last, changes, count, ...rest] = reply as [string, number, number, ...string[]]; // by the script
      for (const user of rest.slice(0, count)) this.#parts.offline.begin(user);
      for (const token of rest.slice(count)) incarnations.add(token);
      entries += changes;
      after = last;
    }
    return { entries, channels: [], incarnations };
  }

  async #mendUsers(
    partition: number,
    users: readonly string[],
    gone: ReadonlyMap<string, readonly string[]>,
  ): Promise<Mended> {
    const { offline, evictions, traffic, graceMs } = this.#parts;
    // The script is repeated when the data turn out to be lost: the birth of now tells it so.
    const birth = this.#parts.isLost(partition) ? "" : (this.#parts.birthOf(partition) ?? "");
    let entries = 0;
    for (const chunk of chunksOf(users, MENDED_PER_SCRIPT)) {
      // The state of now: a user may have come or left since the comparison.
      const arrived = chunk.filter((user) => this.#hasNoArrival(user));
      if (arrived.length === 0) continue;
      const facts = arrived.flatMap((user) => this.#connectionFacts(user, gone.get(user) ?? []));
      const reply = await this.#run(MEND_USERS, partition, [this.#bus.token, graceMs(), birth, ...facts]);
      const [changes, lines, count, ...rest] = reply as [number, number, number, ...string[]]; // by the script
      entries += changes;
      traffic.sent(LINE.presence, lines);
      for (const user of rest.slice(0, count)) offline.begin(user);
      for (const kick of rest.slice(count)) evictions.end(JSON.parse(kick) as Kick); // written by a script
    }
    return { entries, channels: entries > 0 ? users.map(userChannel) : [] };
  }

  async #mendGroups(
    partition: number,
    groups: readonly string[],
    gone: ReadonlyMap<string, readonly string[]>,
  ): Promise<Mended> {
    const { local } = this.#parts;
    let entries = 0;
    const facts = groups.flatMap((group) => this.#memberFacts(group, gone.get(group)));
    for (const chunk of chunksOf(facts, MEMBERS_PER_SCRIPT, ({ members }) => members.length + 1)) {
      const args = chunk.flatMap(({ group, members, gone }) => {
        // The state of now, as for users.
        const named = [...members, ...gone];
        const present = named.filter((user) => local.hasMember(group, user));
        const absent = named.filter((user) => !local.hasMember(group, user));
        return [group, local.membersOf(group).size, present.length, absent.length, ...present, ...absent];
      });
      entries += Number(await this.#run(MEND_GROUPS, partition, [this.#bus.token, ...args]));
      for (const { group, members, gone } of chunk)
        await this.#mendRoom(partition, group, [...members, ...gone]);
    }
    return { entries, channels: entries > 0 ? groups.map(groupChannel) : [] };
  }

  /** Sets right the list of the group: whom it has no more, or lacks. */
  async #mendRoom(partition: number, group: string, users: readonly string[]): Promise<void> {
    for (const some of chunksOf(users, MENDED_PER_SCRIPT)) {
      const changes = some.flatMap((user) => memberChange(this.#parts.local, group, user));
      await this.#run(ENROL, partition, [this.#bus.token, ...changes]);
    }
  }

  async #mendCounts(partition: number): Promise<number> {
    const { arriving, present, highest } = this.#parts.local.countsAt(partition);
    if (arriving > 0) return 0;
    return Number(await this.#run(MEND_COUNTS, partition, [this.#bus.token, present, highest]));
  }

  /** Ids of connections that Redis has of this node, and this node does not have. */
  async #connectionsGone(
    partition: number,
    users: readonly string[],
  ): Promise<ReadonlyMap<string, string[]>> {
    const gone = new Map<string, string[]>();
    for (const user of users) {
      for (const [id, record] of await readHash(this.#run, partition, KEY.connections, user)) {
        if (tokenOf(record) === this.#bus.token && this.#isGone(user, id)) append(gone, user, id);
      }
    }
    return gone;
  }

  /**
   * Members of groups that Redis has of this node, and this node does not have.
   * @param others gets the other incarnations that have members
   */
  async #membersGone(
    partition: number,
    groups: readonly string[],
    others: Map<string, Set<string>>,
  ): Promise<ReadonlyMap<string, string[]>> {
    const gone = new Map<string, string[]>();
    for (const group of groups) {
      for (const member of await readSet(this.#run, partition, KEY.joined, group)) {
        const [token, user = ""] = member.split(FIELD);
        if (token !== this.#bus.token) note(others, token, group);
        else if (!this.#parts.local.hasMember(group, user)) append(gone, group, user);
      }
    }
    return gone;
  }

  #isGone(user: string, id: string): boolean {
    return (this.#parts.local.find(user, id)?.state ?? "evicted") === "evicted";
  }

  #isSettled(user: string): boolean {
    return this.#parts.local.connectionsOf(user).length > 0 && this.#hasNoArrival(user);
  }

  #hasNoArrival(user: string): boolean {
    return this.#parts.local.connectionsOf(user).every(({ state }) => state !== "arriving");
  }

  /** Arguments of COMPARE_USERS for a user. */
  #idsOf(user: string): (string | number)[] {
    const present = this.#parts.local.connectionsOf(user).filter(({ state }) => state === "present");
    const listed = present.slice(0, MAX_LISTED);
    return [user, present.length, listed.length, ...listed.map(({ connection }) => connection.id)];
  }

  /** Arguments of MEND_USERS for a user. */
  #connectionFacts(user: string, found: readonly string[]): (string | number)[] {
    const present = this.#parts.local.connectionsOf(user).filter(({ state }) => state === "present");
    const gone = found.filter((id) => this.#isGone(user, id));
    const facts = present.flatMap(({ connection, seq }) => [connection.id, seq, encodeDetails(connection)]);
    return [user, present.length, gone.length, ...facts, ...gone];
  }

  /** The members of a group on this node, in parts that fit in a script. */
  #memberFacts(group: string, gone: readonly string[] = []): MemberFacts[] {
    const members = [...this.#parts.local.membersOf(group).keys()];
    const count = members.length;
    const parts = chunksOf(members, MEMBERS_PER_SCRIPT);
    if (parts.length === 0) return gone.length === 0 ? [] : [{ group, count, members: [], gone }];
    return parts.map((members, index) => ({ group, count, members, gone: index === 0 ? gone : [] }));
  }
}

interface MemberFacts {
  readonly group: string;
  /** All of the group's members on this node. */
  readonly count: number;
  /** Some of them. */
  readonly members: readonly string[];
  readonly gone: readonly string[];
}

const NOTHING: Mended = { entries: 0, channels: [] };

const sumOf = (mended: readonly Mended[]): Mended => ({
  entries: mended.reduce((sum, { entries }) => sum + entries, 0),
  channels: mended.flatMap(({ channels }) => channels),
});

/** Adds a group to those of an incarnation. */
function note(groupsOf: Map<string, Set<string>>, token = "", group = ""): void {
  const groups = groupsOf.get(token) ?? new Set();
  groupsOf.set(token, groups.add(group));
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

/** Splits a list into parts of a limited weight, one item at least. */
function chunksOf<Item>(
  items: readonly Item[],
  limit: number,
  weightOf: (item: Item) => number = () => 1,
): Item[][] {
  const chunks: Item[][] = [];
  let weight = Number.POSITIVE_INFINITY;
  for (const item of items) {
    weight += weightOf(item);
    if (weight > limit) {
      chunks.push([]);
      weight = weightOf(item);
    }
    chunks.at(-1)?.push(item);
  }
  return chunks;
}
