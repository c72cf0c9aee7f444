import { type Channel, groupChannel, userChannel } from "../../../protocol/protocol.ts";
import type {
  Admission,
  Command,
  ConnectionInfo,
  ConnectionRules,
  OnlinePage,
  Presence,
} from "../../port.ts";
import type { Bus, CallRoll, LocalNode, TrafficCounts } from "../bus/bus.ts";
import { type Connection, forEachConcurrently } from "../connection/connection.ts";
import { EVERY_PARTITION, partitionOf, partitionOfGroup, partitionOfUser } from "../wire/keys.ts";
import { FIELD } from "../wire/lines.ts";
import { Evictions } from "./evictions.ts";
import { type Attendant, Mirror } from "./local.ts";
import { Departures } from "./offline.ts";
import { RedisRoster } from "./online.ts";
import { Announcer } from "./reconciler.ts";
import { detailsOf, unpack } from "./record.ts";
import { readHash, readSet } from "./scan.ts";
import { ARRIVE, CLEAR, DEPART, ENROL, ENTER_ALL, EVICT, LOCATE } from "./scripts.ts";

export interface PresenceOptions {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  /** Resolves when the nodes that have cached a channel's route have dropped it. */
  readonly confirmInvalidation: (channel: Channel) => Promise<void>;
  readonly graceMs: number;
  /** For users of this node who leave while it drains. */
  readonly drainGraceMs: number;
  /** Every node looks through all partitions for those whose grace time is over, once in so long. */
  readonly heartbeatMs: number;
  readonly traffic: TrafficCounts;
  /** Is told when a channel has no member on this node any more. */
  readonly onGone: (channel: Channel) => void;
}

/** The answer of the script: seq, changes and commands sent, whether nodes are to hear of it first, and ids and packed connections by turns. */
type Arrival = [seq?: number, changes?: number, commands?: number, toSettle?: number, ...evicted: string[]];

/** How long a dead incarnation is shut out: longer than any process is paused and continued. */
const FENCE_SECONDS = 86_400;
/** Users, or members of groups, taken out in one script: it takes about a millisecond. */
const CLEARED_PER_SCRIPT = 100;

/**
 * Who is where, in Redis. The mirror has what is here, and is changed first; what a script could not tell Redis is in doubt,
 * and is settled when Redis is back.
 */
export class RedisPresence implements Presence {
  readonly #connection: Connection;
  readonly #bus: Bus;
  readonly #node: LocalNode;
  readonly #options: PresenceOptions;
  readonly #mirror: Mirror;
  readonly #roster: RedisRoster;
  readonly #departures: Departures;
  readonly #evictions: Evictions;
  readonly #announcer: Announcer;
  #isDraining = false;
  #callRoll: CallRoll = async () => new Map();

  constructor(options: PresenceOptions) {
    const { connection, bus, node, graceMs, heartbeatMs, traffic, onGone } = options;
    this.#connection = connection;
    this.#bus = bus;
    this.#node = node;
    this.#options = options;
    this.#mirror = new Mirror(onGone);
    this.#roster = new RedisRoster(connection.run);
    this.#departures = new Departures(connection, node, { graceMs, roundMs: heartbeatMs, traffic });
    this.#evictions = new Evictions(connection, node, this.#mirror);
    this.#announcer = new Announcer(connection.exec, bus, {
      mirror: this.#mirror,
      departures: this.#departures,
      evictions: this.#evictions,
      graceMs: () => this.#graceMs,
      longGraceMs: () => Math.max(this.#graceMs, heartbeatMs),
      traffic,
    });
    bus.on("P", ([, user = "", online]) => {
      if (online === "0") this.#departures.told(user);
      node.sink.presence(user, online === "1");
    });
  }

  async arrive(connection: ConnectionInfo, rules: ConnectionRules): Promise<Admission> {
    this.#connection.assertUp();
    this.#mirror.rules = rules;
    const attendant = this.#mirror.enter(connection);
    try {
      const { token } = this.#bus;
      const answer = await this.#decide(connection, rules);
      const [seq, changes = 0, commands = 0, toSettle = 0, ...evicted] = answer;
      if (seq === undefined) return this.#refuse(connection);
      this.#options.traffic.sent("P", changes);
      this.#options.traffic.sent("C", commands);
      this.#admitted(attendant, seq, token);
      if (toSettle === 1) await this.#options.confirmInvalidation(userChannel(connection.user));
      return { admitted: true, evicted: this.#evicted(connection.user, evicted) };
    } catch (error) {
      // The script may have run.
      this.#mirror.leave(connection);
      this.#announcer.doubt(connection);
      throw error;
    }
  }

  async depart(connection: ConnectionInfo): Promise<void> {
    const { id, user } = connection;
    this.#mirror.leave(connection);
    const isLast = this.#mirror.of(user).length === 0;
    if (isLast) this.#departures.left(user);
    try {
      const args = [this.#bus.token, user, id, this.#graceMs];
      const isGone = await this.#connection.run(DEPART, partitionOfUser(user), args);
      if (isGone === 1) this.#departures.began(user);
      else if (isLast) this.#departures.stays(user);
    } catch (error) {
      this.#announcer.doubt(connection);
      throw error;
    }
  }

  /** Oldest first. */
  async connectionsOf(user: string): Promise<ConnectionInfo[]> {
    const packed = await readHash(this.#connection.run, partitionOfUser(user), "u", user);
    const unpacked = [...packed].map(([id, text]) => unpack(user, id, text));
    return unpacked.sort((one, other) => one.seq - other.seq).map(({ connection }) => connection);
  }

  /** The incarnations that have connections of a user, or this one of them, as Redis has it now. */
  async locate(user: string, connection = ""): Promise<string[]> {
    return (await this.#connection.run(LOCATE, partitionOfUser(user), [user, connection])) as string[]; // by the script
  }

  online({ limit, cursor }: { limit: number; cursor?: string }): Promise<OnlinePage> {
    return this.#roster.page(limit, cursor);
  }

  count(): Promise<{ users: number; connections: number }> {
    return this.#roster.count();
  }

  async inGroup(group: string): Promise<string[]> {
    const joined = await readSet(this.#connection.run, partitionOfGroup(group), "j", group);
    return [...new Set([...joined].map((member) => member.slice(member.indexOf(FIELD) + 1)))];
  }

  /** The first local connection of this user has joined the group. */
  async join(group: string, user: string): Promise<void> {
    this.#mirror.enterGroup(group, user);
    await this.#enrol(group, user, 1);
  }

  /** The last local connection of this user has left the group. */
  async leave(group: string, user: string): Promise<void> {
    this.#mirror.leaveGroup(group, user);
    await this.#enrol(group, user, 0);
  }

  /** Whether this node has members of a channel. */
  hasLocal(channel: Channel): boolean {
    return this.#mirror.hasLocal(channel);
  }

  /** How often somebody has come to this node or joined: what has no member here has none while it is the same. */
  get entries(): number {
    return this.#mirror.entries;
  }

  /** Whether this node has connections of a user, or is about to. */
  hasUser(user: string): boolean {
    return this.#mirror.of(user).length > 0;
  }

  /** From here on nodes that do not answer keep nobody out. */
  useRollCall(callRoll: CallRoll): void {
    this.#callRoll = callRoll;
  }

  /** Runs a command on this node. @returns how many connections it concerned */
  runHere(command: Command): Promise<number> {
    return this.#evictions.run(command);
  }

  /** Brings Redis in line with what this node has, as part of its return. */
  async announce(): Promise<void> {
    await this.#connection.exec(ENTER_ALL, partitionOf("all"), [this.#bus.token]);
    await this.#announcer.announce();
    this.#departures.start(() => this.#settle());
  }

  /**
   * Takes out everything that an incarnation has, and shuts it out. Any number of nodes may do it at once, and where one
   * stops another may go on.
   */
  async clear(token: string): Promise<void> {
    const { graceMs, drainGraceMs } = this.#options;
    const grace = token === this.#bus.token ? drainGraceMs : graceMs;
    await forEachConcurrently(EVERY_PARTITION, async (partition) => {
      let left: number;
      do {
        const args = [token, FENCE_SECONDS, grace, CLEARED_PER_SCRIPT];
        const answer = await this.#connection.exec(CLEAR, partition, args);
        const [rest, ...gone] = answer as [number, ...string[]]; // by the script
        for (const user of gone) this.#departures.began(user);
        left = rest;
      } while (left > 0);
    });
  }

  /** From here on users leave because they are sent away, and come back elsewhere when they were told to. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Nobody goes offline by this node any more. */
  stop(): void {
    this.#departures.stop();
  }

  get #graceMs(): number {
    const { graceMs, drainGraceMs } = this.#options;
    return this.#isDraining ? drainGraceMs : graceMs;
  }

  /** A refusal counts when the nodes whose connections stand in the way are there. */
  async #decide(connection: ConnectionInfo, rules: ConnectionRules): Promise<Arrival> {
    const { user } = connection;
    const answer = await this.#apply(connection, rules);
    if (answer.length > 0) return answer;
    const others = (await this.locate(user)).filter((token) => token !== this.#bus.token);
    const roll = await this.#callRoll(others);
    const silent = others.filter((token) => roll.get(token) === false);
    if (silent.length === 0) return answer;
    await this.#connection.run(EVICT, partitionOfUser(user), [user, this.#options.graceMs, ...silent]);
    return this.#apply(connection, rules);
  }

  async #apply(connection: ConnectionInfo, rules: ConnectionRules): Promise<Arrival> {
    const { user, id } = connection;
    const { maxPerUser, perUserPolicy, onePerPlatform } = rules;
    const who = [this.#bus.token, user, id, detailsOf(connection)];
    const args = [...who, maxPerUser, perUserPolicy, onePerPlatform ? 1 : 0];
    return (await this.#connection.run(ARRIVE, partitionOfUser(user), args)) as Arrival; // by the script
  }

  #refuse(connection: ConnectionInfo): Admission {
    this.#mirror.leave(connection);
    return { admitted: false };
  }

  #admitted(attendant: Attendant, seq: number, token: string): void {
    const { connection } = attendant;
    attendant.seq = seq;
    // The news that it was evicted may have come first.
    if (attendant.state === "arriving") attendant.state = "present";
    this.#departures.stays(connection.user);
    if (token !== this.#bus.token) this.#announcer.doubt(connection);
  }

  /** @param fields ids and packed connections by turns */
  #evicted(user: string, fields: readonly string[]): ConnectionInfo[] {
    const evicted: ConnectionInfo[] = [];
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const { connection } = unpack(user, fields[index] ?? "", fields[index + 1] ?? "");
      const attendant = this.#mirror.find(user, connection.id);
      if (attendant !== undefined) attendant.state = "evicted";
      evicted.push(connection);
    }
    return evicted;
  }

  async #enrol(group: string, user: string, isMember: 0 | 1): Promise<void> {
    try {
      const args = [this.#bus.token, group, user, isMember];
      const toSettle = await this.#connection.run(ENROL, partitionOfGroup(group), args);
      if (isMember === 1 && toSettle === 1) await this.#options.confirmInvalidation(groupChannel(group));
    } catch (error) {
      this.#announcer.doubtMember(group, user);
      throw error;
    }
  }

  async #settle(): Promise<void> {
    try {
      await this.#announcer.settle();
    } catch (error) {
      // It stays in doubt, until the next step or the return of Redis.
      if (this.#connection.isUp) this.#node.report("presence", error);
    }
  }
}

export { MEMBERSHIP_SCRIPTS, RedisMemberships } from "./memberships.ts";
export { PRESENCE_SCRIPTS } from "./scripts.ts";
