import type { ConnectionInfo } from "../../port.ts";
import type { Bus, TrafficCounts } from "../bus/bus.ts";
import { type Connection, forEachConcurrently, type RunScript } from "../connection/connection.ts";
import { PartitionMoving, type Partitions } from "../partitions/partitions.ts";
import { EVERY_PARTITION, KEY, partitionOf, partitionOfGroup, partitionOfUser } from "../wire/keys.ts";
import { FIELD, LINE } from "../wire/lines.ts";
import type { Evictions, Kick } from "./evictions.ts";
import type { LocalPresence } from "./local.ts";
import { ANY_BIRTH, OWNED } from "./lua.ts";
import type { OfflineGrace } from "./offline.ts";
import { encodeDetails } from "./record.ts";
import { givenData, type Occupancy, occupancyIn } from "./rooms/redis-rooms.ts";
import { ENROL } from "./rooms/scripts.ts";
import { readHash, readSet } from "./scan.ts";
import { ENTER_ALL, RECONCILE, RESUME_GRACE } from "./scripts.ts";

export interface ReconcilerParts {
  readonly local: LocalPresence;
  readonly offline: OfflineGrace;
  readonly evictions: Evictions;
  readonly graceMs: () => number;
  /** Grace period of users who left while Redis lost its data. The other nodes need that long to register theirs again. */
  readonly longGraceMs: () => number;
  readonly traffic: TrafficCounts;
  /** Called with groups that became occupied or vacated. */
  readonly onOccupancy: (changes: readonly Occupancy[]) => void;
}

/** Connections or members of groups in one script. A script takes about a millisecond. */
const PER_SCRIPT = 100;

/** In place of a birth: Redis has lost the data of the partition. No partition has this birth. */
const LOST = "";

type ConnectionId = Pick<ConnectionInfo, "user" | "id">;
type Member = readonly [group: string, user: string];

/** Presence of this node in one partition. */
interface Partition {
  readonly partition: number;
  readonly connections: readonly ConnectionId[];
  readonly members: readonly Member[];
  /** Users who left this node and are not announced offline yet. */
  readonly left: readonly string[];
}

/** Reconciles Redis with the presence of this node: everything in recovery, and failed changes at each step in between. */
export class Reconciler {
  readonly #exec: RunScript;
  readonly #bus: Bus;
  readonly #parts: ReconcilerParts;
  /** Connections and members whose last change may or may not be in Redis. */
  readonly #connections = new Map<string, ConnectionId>();
  readonly #members = new Map<string, Member>();
  readonly #partitions: Partitions;
  /** Partitions whose data Redis has lost since this node last reconciled them. */
  readonly #lost = new Set<number>();
  /** The incarnation that was reconciled last. */
  #token: string | undefined;

  constructor(
    { exec, partitions }: Pick<Connection, "exec" | "partitions">,
    bus: Bus,
    parts: ReconcilerParts,
  ) {
    this.#exec = exec;
    this.#partitions = partitions;
    partitions.onLost((partition) => this.#lost.add(partition));
    this.#bus = bus;
    this.#parts = parts;
  }

  /** A script about this connection failed, but may have run. */
  markUncertain({ user, id }: ConnectionId): void {
    this.#connections.set(id, { user, id });
  }

  /** A script about this member failed, but may have run. */
  markMemberUncertain(group: string, user: string): void {
    this.#members.set(nameOf([group, user]), [group, user]);
  }

  /** True while this node has not announced itself to a partition that has lost its data. */
  isLost(partition: number): boolean {
    return this.#lost.has(partition);
  }

  /**
   * Compares everything in some partitions. Where Redis has lost its data nobody is announced online, because they were
   * online before.
   * @returns partitions that are moving to another master, and are not reconciled
   */
  async reconcile(partitions: readonly number[] = EVERY_PARTITION): Promise<readonly number[]> {
    const { local, offline } = this.#parts;
    const former = this.#token ?? this.#bus.token;
    this.#token = this.#bus.token;
    const connections = local.connections.map(({ connection }) => connection);
    const connectionsAt = Map.groupBy(connections, ({ user }) => partitionOfUser(user));
    const membersAt = Map.groupBy(membersOf(local), ([group]) => partitionOfGroup(group));
    const leftAt = Map.groupBy(offline.pendingUsers, partitionOfUser);
    const moving = await unlessMoving(partitions, (partition) =>
      this.#reconcilePartition(former, {
        partition,
        connections: connectionsAt.get(partition) ?? [],
        members: membersAt.get(partition) ?? [],
        left: leftAt.get(partition) ?? [],
      }),
    );
    await this.reconcilePending();
    return moving;
  }

  /** Users were not announced offline in time. Those without connections get another grace period: Redis has lost theirs. */
  async resumeOverdue(users: readonly string[]): Promise<void> {
    await forEachConcurrently([...Map.groupBy(users, partitionOfUser)], ([partition, some]) =>
      this.#resumeGrace(partition, some, LOST),
    );
  }

  /** Reconciles the connections and members that are marked uncertain. */
  async reconcilePending(): Promise<void> {
    while (this.#connections.size + this.#members.size > 0) {
      const connectionsAt = Map.groupBy(this.#connections.values(), ({ user }) => partitionOfUser(user));
      const membersAt = Map.groupBy(this.#members.values(), ([group]) => partitionOfGroup(group));
      const moving = [
        ...(await unlessMoving([...connectionsAt.keys()], (partition) =>
          this.#reconcileConnections(
            partition,
            connectionsAt.get(partition) ?? [],
            this.#loudBirthOf(partition),
          ),
        )),
        ...(await unlessMoving([...membersAt.keys()], (partition) =>
          this.#reconcileMembers(partition, membersAt.get(partition) ?? []),
        )),
      ];
      // These stay marked.
      if (moving.length > 0) return;
    }
  }

  async #reconcilePartition(former: string, own: Partition): Promise<void> {
    const { partition } = own;
    await this.#partitions.check(partition);
    const birth = this.#partitions.birthOf(partition);
    const loudBirth = this.#loudBirthOf(partition);
    if (partition === partitionOf("all")) await this.#exec(ENTER_ALL, partition, [this.#bus.token]);
    await this.#applyEvictions(partition, former);
    const owned = await readSet(this.#exec, partition, KEY.owned, this.#bus.token);
    await this.#reconcileConnections(partition, this.#differing(owned, own.connections), loudBirth);
    await this.#reconcileMembers(partition, this.#differingMembers(owned, own.members));
    await this.#resumeGrace(partition, own.left, loudBirth);
    // Last: an attempt that fails before must be as quiet the next time.
    if (this.#partitions.birthOf(partition) === birth) this.#lost.delete(partition);
  }

  /**
   * The birth of a partition in which users may be announced. The scripts compare it: data that are lost after this call
   * make them quiet too.
   */
  #loudBirthOf(partition: number): string {
    return this.#lost.has(partition) ? LOST : (this.#partitions.birthOf(partition) ?? ANY_BIRTH);
  }

  /** Ends connections that other nodes evicted while this node did not listen. They must not be registered again. */
  async #applyEvictions(partition: number, token: string): Promise<void> {
    const kicks = await readHash(this.#exec, partition, KEY.evictions, token);
    for (const kick of kicks.values()) this.#parts.evictions.end(JSON.parse(kick) as Kick); // written by the script
  }

  /** Connections that only Redis or only this node has. Those to add come first, so that no user is offline in between. */
  #differing(owned: ReadonlySet<string>, present: readonly ConnectionId[]): ConnectionId[] {
    const { local } = this.#parts;
    const missing = present.filter(({ user, id }) => !owned.has(OWNED.connection + user + FIELD + id));
    const stale = pairsIn(owned, OWNED.connection)
      .map(([user, id]) => ({ user, id }))
      .filter(({ user, id }) => (local.find(user, id)?.state ?? "evicted") === "evicted");
    return [...missing, ...stale];
  }

  #differingMembers(owned: ReadonlySet<string>, present: readonly Member[]): Member[] {
    const { local } = this.#parts;
    const missing = present.filter((member) => !owned.has(OWNED.member + nameOf(member)));
    const stale = pairsIn(owned, OWNED.member).filter(([group, user]) => !local.hasMember(group, user));
    return [...missing, ...stale];
  }

  #reconcileConnections(
    partition: number,
    connections: readonly ConnectionId[],
    loudBirth: string,
  ): Promise<void> {
    const { local, offline, traffic, graceMs } = this.#parts;
    const { maxPerUser, onePerPlatform } = local.rules;
    return inChunks(connections, async (chunk) => {
      // Unmarked before the script: a change that happens meanwhile marks its connection again.
      for (const { id } of chunk) this.#connections.delete(id);
      const states = chunk.flatMap((each) => this.#stateOf(each));
      const args = [this.#bus.token, graceMs(), loudBirth, maxPerUser, onePerPlatform ? 1 : 0, ...states];
      try {
        const reply = await this.#exec(RECONCILE, partition, args);
        const [changes, ...left] = reply as [number, ...string[]]; // by the script
        traffic.sent(LINE.presence, changes);
        for (const user of left) offline.begin(user);
      } catch (error) {
        for (const each of chunk) this.markUncertain(each);
        throw error;
      }
    });
  }

  /** Arguments of RECONCILE for a connection. None while it arrives: its own script may have run or not, and its reply decides. */
  #stateOf({ user, id }: ConnectionId): (string | number)[] {
    const local = this.#parts.local.find(user, id);
    if (local === undefined || local.state === "evicted") return [user, id, 0, ""];
    if (local.state === "arriving") return [];
    return [user, id, local.seq, encodeDetails(local.connection)];
  }

  #reconcileMembers(partition: number, members: readonly Member[]): Promise<void> {
    const { local, traffic, onOccupancy } = this.#parts;
    return inChunks(members, async (chunk) => {
      const changes = chunk.flatMap(([group, user]) => memberChange(local, group, user));
      for (const member of chunk) this.#members.delete(nameOf(member));
      try {
        const reply = await this.#exec(ENROL, partition, [this.#bus.token, ...changes]);
        const [, , lines, ...occupancy] = reply as [number, string, number, ...(string | number)[]]; // by the script
        traffic.sent(LINE.room, lines);
        // Groups whose data Redis has lost were occupied before.
        if (!this.#lost.has(partition)) onOccupancy(occupancyIn(occupancy));
      } catch (error) {
        for (const [group, user] of chunk) this.markMemberUncertain(group, user);
        throw error;
      }
    });
  }

  /** Users who left this node may be on other nodes, or announced offline already. Redis tells who is in the grace period. */
  #resumeGrace(partition: number, users: readonly string[], loudBirth: string): Promise<void> {
    const { offline, longGraceMs } = this.#parts;
    return inChunks(users, async (chunk) => {
      const args = [longGraceMs(), loudBirth, ...chunk];
      const inGrace = new Set((await this.#exec(RESUME_GRACE, partition, args)) as string[]); // by the script
      for (const user of chunk) {
        if (inGrace.has(user)) offline.begin(user);
        else offline.cancel(user);
      }
    });
  }
}

/** Works on partitions. @returns those that are moving to another master */
async function unlessMoving(
  partitions: readonly number[],
  work: (partition: number) => Promise<void>,
): Promise<readonly number[]> {
  const moving: number[] = [];
  await forEachConcurrently(partitions, async (partition) => {
    try {
      await work(partition);
    } catch (error) {
      if (!(error instanceof PartitionMoving)) throw error;
      moving.push(partition);
    }
  });
  return moving;
}

/** Arguments of ENROL for a member, as this node has it now. Redis keeps data that it has. */
export function memberChange(local: LocalPresence, group: string, user: string): (string | number)[] {
  if (!local.hasMember(group, user)) return [group, user, 0, ""];
  const json = local.membersOf(group).get(user);
  return [group, user, 1, givenData(json === undefined ? undefined : { json, isDefault: true })];
}

const nameOf = ([group, user]: Member): string => group + FIELD + user;

function* membersOf({ groups }: LocalPresence): Iterable<Member> {
  for (const [group, users] of groups) for (const user of users.keys()) yield [group, user];
}

/** Entries of one kind in the set of everything that an incarnation owns in a partition. */
const pairsIn = (
  owned: ReadonlySet<string>,
  kind: typeof OWNED.connection | typeof OWNED.member,
): (readonly [string, string])[] =>
  [...owned]
    .filter((entry) => entry.startsWith(kind))
    .map((entry) => {
      const [first = "", second = ""] = entry.slice(kind.length).split(FIELD);
      return [first, second];
    });

async function inChunks<Item>(
  items: readonly Item[],
  work: (chunk: readonly Item[]) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += PER_SCRIPT) {
    await work(items.slice(start, start + PER_SCRIPT));
  }
}
