import { type Channel, groupChannel, userChannel } from "../../../protocol/protocol.ts";
import type { LocalNode } from "../../local-node.ts";
import type {
  Admission,
  BlockedPage,
  Command,
  ConnectionInfo,
  ConnectionRules,
  JoinData,
  OnlinePage,
  Presence,
} from "../../port.ts";
import type { Bus, CallRoll, TrafficCounts } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import { KEY, partitionOfGroup, partitionOfUser } from "../wire/keys.ts";
import { FIELD, LINE } from "../wire/lines.ts";
import { type Arrival, Arrivals } from "./arrivals.ts";
import { clearIncarnation } from "./clear.ts";
import { PresenceComparison } from "./comparison/compare.ts";
import { Evictions, type Kick } from "./evictions.ts";
import { IS_ONLINE } from "./is-online.ts";
import { BlockedUsers } from "./lists/blocked.ts";
import { OnlineUsers } from "./lists/online.ts";
import { type LocalConnection, LocalPresence } from "./local.ts";
import { HAS_MEMBER } from "./memberships.ts";
import { OfflineGrace } from "./offline.ts";
import { Reconciler } from "./reconciler.ts";
import { decodeRecord } from "./record.ts";
import { givenData, type Occupancy, occupancyIn, RedisRooms } from "./rooms/redis-rooms.ts";
import { ENROL } from "./rooms/scripts.ts";
import { readHash, readSet } from "./scan.ts";
import { DEPART } from "./scripts.ts";
import { type Listening, listeningWatches } from "./watching/listening.ts";

export interface PresenceOptions {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  /** Resolves when the nodes that have cached a channel's route have dropped it. */
  readonly confirmInvalidation: (channel: Channel) => Promise<void>;
  readonly graceMs: number;
  /** Grace period of users who leave this node while it drains. */
  readonly drainGraceMs: number;
  /** Duration of a round in which this node announces users offline in all partitions. */
  readonly heartbeatMs: number;
  readonly traffic: TrafficCounts;
  /** Called when a channel has no member on this node any more. */
  readonly onNoMembers: (channel: Channel) => void;
}

/**
 * Presence of the whole cluster, in Redis. A change goes to the local presence first, then to Redis; after a script that failed
 * the change is marked uncertain and reconciled later.
 */
export class RedisPresence implements Presence {
  readonly #connection: Connection;
  readonly #bus: Bus;
  readonly #node: LocalNode;
  readonly #options: PresenceOptions;
  readonly #local: LocalPresence;
  readonly #arrivals: Arrivals;
  readonly #online: OnlineUsers;
  readonly #blocked: BlockedUsers;
  readonly #offline: OfflineGrace;
  readonly #evictions: Evictions;
  readonly #reconciler: Reconciler;
  readonly rooms: RedisRooms;
  readonly listening: Listening;
  /** Compares the presence of this node with Redis. */
  readonly comparison: PresenceComparison;
  #isDraining = false;

  constructor(options: PresenceOptions) {
    const { connection, bus, node, graceMs, heartbeatMs, traffic, onNoMembers } = options;
    this.#connection = connection;
    this.#bus = bus;
    this.#node = node;
    this.#options = options;
    this.#local = new LocalPresence(onNoMembers);
    this.#arrivals = new Arrivals(connection, bus, graceMs);
    this.#online = new OnlineUsers(connection.read);
    this.#blocked = new BlockedUsers(connection);
    this.#offline = new OfflineGrace(connection, node, { graceMs, roundMs: heartbeatMs, traffic });
    this.#evictions = new Evictions(connection, node, this.#local);
    this.#reconciler = new Reconciler(connection, bus, {
      local: this.#local,
      offline: this.#offline,
      evictions: this.#evictions,
      graceMs: () => this.#graceMs,
      longGraceMs: () => Math.max(this.#graceMs, heartbeatMs),
      traffic,
      onOccupancy: (changes) => this.#tellOccupancy(changes),
    });
    this.rooms = new RedisRooms({ connection, bus, node, traffic, local: this.#local });
    this.listening = listeningWatches({ connection, bus });
    this.comparison = new PresenceComparison(connection.run, bus, {
      local: this.#local,
      offline: this.#offline,
      evictions: this.#evictions,
      rooms: this.rooms,
      listening: this.listening,
      graceMs: () => this.#graceMs,
      isLost: (partition) => this.#reconciler.isLost(partition),
      birthOf: (partition) => connection.partitions.birthOf(partition),
      traffic,
    });
    bus.on(LINE.presence, ([, user = "", online]) => {
      if (online === "0") this.#offline.announced(user);
      node.sink.presence(user, online === "1");
    });
  }

  async arrive(connection: ConnectionInfo, rules: ConnectionRules): Promise<Admission> {
    this.#connection.assertUp();
    this.#local.rules = rules;
    const local = this.#local.add(connection);
    try {
      const { token } = this.#bus;
      const arrival = await this.#arrivals.register(connection, rules);
      if (!arrival.admitted) {
        this.#local.remove(connection);
        return arrival;
      }
      this.#options.traffic.sent(LINE.presence, arrival.changes);
      this.#options.traffic.sent(LINE.command, arrival.commands);
      this.#admit(local, arrival, token);
      const evicted = this.#markEvicted(arrival);
      if (arrival.toConfirm) await this.#options.confirmInvalidation(userChannel(connection.user));
      return { admitted: true, evicted };
    } catch (error) {
      // The script may have run.
      this.#local.remove(connection);
      this.#reconciler.markUncertain(connection);
      throw error;
    }
  }

  async depart(connection: ConnectionInfo): Promise<void> {
    const { id, user } = connection;
    this.#local.remove(connection);
    const isLastHere = !this.hasUser(user);
    if (isLastHere) this.#offline.expect(user);
    try {
      const args = [this.#bus.token, user, id, this.#graceMs];
      const isLast = await this.#connection.run(DEPART, partitionOfUser(user), args);
      if (isLast === 1) this.#offline.begin(user);
      else if (isLastHere) this.#offline.cancel(user);
    } catch (error) {
      this.#reconciler.markUncertain(connection);
      throw error;
    }
  }

  async block(user: string, ms: number): Promise<void> {
    await this.#blocked.set(user, ms);
  }

  blockedMs(user: string): Promise<number> {
    return this.#blocked.restOf(user);
  }

  blocked({ limit, cursor }: { limit: number; cursor?: string }): Promise<BlockedPage> {
    return this.#blocked.page(limit, cursor);
  }

  async connectionsOf(user: string): Promise<ConnectionInfo[]> {
    const fields = await readHash(this.#connection.read, partitionOfUser(user), KEY.connections, user);
    const records = [...fields].map(([id, record]) => decodeRecord(user, id, record));
    return records.sort((one, other) => one.seq - other.seq).map(({ connection }) => connection);
  }

  async isOnline(user: string): Promise<boolean> {
    return (await this.#connection.run(IS_ONLINE, partitionOfUser(user), [user])) === 1;
  }

  /** Finds the incarnations that have connections of a user, or the one that has this connection, in Redis. */
  locate(user: string, connection?: string): Promise<string[]> {
    return this.#arrivals.locate(user, connection);
  }

  online({ limit, cursor }: { limit: number; cursor?: string }): Promise<OnlinePage> {
    return this.#online.page(limit, cursor);
  }

  count(): Promise<{ users: number; connections: number }> {
    return this.#online.countAll();
  }

  async inGroup(group: string): Promise<string[]> {
    const joined = await readSet(this.#connection.read, partitionOfGroup(group), KEY.joined, group);
    return [...new Set([...joined].map((member) => member.slice(member.indexOf(FIELD) + 1)))];
  }

  async hasJoined(group: string, user: string): Promise<boolean> {
    return (await this.#connection.run(HAS_MEMBER, partitionOfGroup(group), [group, user, 0])) === 1;
  }

  /** A local connection of this user has joined the group. */
  async join(group: string, user: string, data?: JoinData): Promise<void> {
    this.#local.join(group, user);
    await this.#enrol(group, user, 1, givenData(data));
  }

  /** The last local connection of this user has left the group. */
  async leave(group: string, user: string): Promise<void> {
    this.#local.leave(group, user);
    await this.#enrol(group, user, 0, "");
  }

  /** Users with connections on this node. */
  get users(): Iterable<string> {
    return this.#local.users;
  }

  /** Groups with members on this node. */
  get groups(): Iterable<string> {
    return this.#local.groupNames;
  }

  /** Tells whether a channel has members on this node. */
  hasLocal(channel: Channel): boolean {
    return this.#local.hasLocal(channel);
  }

  /** Tells whether this node gets the stored messages of a channel: it has members, or listens. */
  hears(channel: Channel): boolean {
    return this.hasLocal(channel) || this.listening.has(channel);
  }

  /** Counts arrivals and joins on this node. While it is unchanged, a channel without local members still has none. */
  get arrivals(): number {
    return this.#local.arrivals;
  }

  /** Tells whether this node has connections of a user. Those that are still arriving count. */
  hasUser(user: string): boolean {
    return this.#local.connectionsOf(user).length > 0;
  }

  /** From here on connections of nodes that do not answer no longer count towards the user's limit. */
  useRollCall(callRoll: CallRoll): void {
    this.#arrivals.useRollCall(callRoll);
  }

  /** Nodes do not answer a kick: it is stored for them, and their connections count no longer. */
  async evict(kick: Kick, tokens: readonly string[]): Promise<void> {
    if (await this.#arrivals.kick(kick, tokens, this.#graceMs)) this.#offline.begin(kick.user);
  }

  /** Runs a command on this node. @returns how many connections it concerned */
  runHere(command: Command): Promise<number> {
    return this.#evictions.run(command);
  }

  /**
   * Reconciles Redis with the presence of this node in some partitions; in all of them as a part of recovery.
   * @returns partitions that are moving to another master, and are not reconciled
   */
  async reconcile(partitions: readonly number[]): Promise<readonly number[]> {
    const moving = await this.#reconciler.reconcile(partitions);
    const reached = partitions.filter((partition) => !moving.includes(partition));
    for (const watches of [this.rooms.watches, this.listening]) await watches.reconcile(reached);
    this.#offline.start(
      () => this.#attempt(() => this.#reconciler.reconcilePending()),
      (users) => void this.#attempt(() => this.#reconciler.resumeOverdue(users)),
    );
    return moving;
  }

  /** Removes everything that an incarnation owns, and fences the incarnation. */
  async clear(token: string): Promise<void> {
    const isOwn = token === this.#bus.token;
    const graceMs = isOwn ? this.#options.drainGraceMs : this.#options.graceMs;
    const { traffic } = this.#options;
    await clearIncarnation(
      this.#connection,
      { token, isOwn, graceMs },
      {
        graceBegan: (user) => this.#offline.begin(user),
        occupancy: (changes) => this.#tellOccupancy(changes),
        sent: (lines) => traffic.sent(LINE.room, lines),
      },
    );
  }

  /** From here on users who leave get the grace period of a drain: this node has told them to reconnect elsewhere. */
  drain(): void {
    this.#isDraining = true;
  }

  /** From here on this node announces nobody offline. */
  stop(): void {
    this.#offline.stop();
  }

  get #graceMs(): number {
    return this.#isDraining ? this.#options.drainGraceMs : this.#options.graceMs;
  }

  /** @param token the incarnation under which the connection was registered */
  #admit(local: LocalConnection, { seq }: Arrival, token: string): void {
    this.#local.admit(local, seq);
    this.#offline.cancel(local.connection.user);
    if (token !== this.#bus.token) this.#reconciler.markUncertain(local.connection);
  }

  #markEvicted({ evicted }: Arrival): ConnectionInfo[] {
    return evicted.map(({ connection }) => {
      const local = this.#local.find(connection.user, connection.id);
      if (local !== undefined) this.#local.evict(local);
      return connection;
    });
  }

  async #enrol(group: string, user: string, isMember: 0 | 1, given: string): Promise<void> {
    try {
      const args = [this.#bus.token, group, user, isMember, given];
      const reply = await this.#connection.run(ENROL, partitionOfGroup(group), args);
      const [toConfirm, data, lines, ...changes] = reply as [number, string, number, ...(string | number)[]]; // by the script
      if (isMember === 1) this.#local.setData(group, user, data === "" ? undefined : data);
      this.#options.traffic.sent(LINE.room, lines);
      this.#tellOccupancy(occupancyIn(changes));
      if (isMember === 1 && toConfirm === 1) await this.#options.confirmInvalidation(groupChannel(group));
    } catch (error) {
      this.#reconciler.markMemberUncertain(group, user);
      throw error;
    }
  }

  #tellOccupancy(changes: readonly Occupancy[]): void {
    for (const [group, isOccupied] of changes) this.#node.sink.occupied(group, isOccupied);
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // Changes stay marked, until the next step or the next recovery.
      if (this.#connection.isNews(error)) this.#node.report("presence", error);
    }
  }
}

export type { Mended } from "./comparison/compare.ts";
export { COMPARISON_SCRIPTS } from "./comparison/scripts.ts";
export { IS_ONLINE } from "./is-online.ts";
export { BLOCK_SCRIPTS } from "./lists/blocked.ts";
export { MEMBERSHIP_SCRIPTS, RedisMemberships } from "./memberships.ts";
export { PRESENCE_SCRIPTS } from "./scripts.ts";
