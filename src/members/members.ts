import type { Backplane, ConnectionRules } from "../backplane/backplane.ts";
import type { Connection, Hold, HoldLimits, Local } from "../local/local.ts";
import {
  type Channel,
  groupChannel,
  type Position,
  type Positions,
  TidingsError,
  userChannel,
} from "../protocol/protocol.ts";
import {
  claimOf,
  type HistoryReads,
  type Hooks,
  LAST_VALUE,
  LateAcks,
  type PositionGuard,
  Replay,
  type Replayed,
  type ReplayFrom,
} from "../publish/publish.ts";
import type { Blocks } from "./blocks.ts";
import { isNews, newsIn } from "./news.ts";
import { Pace } from "./pace.ts";
import { PlacedGroups } from "./placed.ts";
import { type Refusal, refusalBy } from "./refusal.ts";
import { joinData } from "./roster.ts";
import type { WatchedRooms } from "./watching/rooms.ts";
import type { Watchers } from "./watching/watchers.ts";

export interface MembersPorts {
  readonly local: Local;
  readonly backplane: Backplane;
  readonly reads: HistoryReads;
  readonly guard: PositionGuard;
  readonly watchers: Watchers;
  readonly rooms: WatchedRooms;
  readonly rules: ConnectionRules;
  readonly blocks: Blocks;
  /** True for channels that keep their newest message only. @default no channel */
  readonly isLastValue?: ((channel: Channel) => boolean) | undefined;
  /** Budgets of live messages on hold during replays. */
  readonly holdLimits: HoldLimits;
  /** The application's hooks `join` and `leave`. */
  readonly hooks: Pick<Hooks, "has" | "emit">;
  readonly report: (stage: string, error: unknown) => void;
}

/** A channel of a connection before its replay, with the hold on its live messages. */
interface Entry {
  readonly channel: Channel;
  readonly hold: Hold;
  /**
   * Decides where a device without a position starts. True: at its cursor, else at the oldest message. False: at the
   * present end of the history.
   */
  readonly durable: boolean;
  /** Where an earlier replay of the channel stood, which this one replaces. */
  readonly owed: ReplayFrom | undefined;
}

/** Where a join starts, or a function that tells it once the connection is a member. */
type JoinStart = ReplayFrom | (() => Promise<ReplayFrom>);

/** Knowledge about the start of a channel's replay when the connection enters the channel. */
interface Start {
  readonly durable: boolean;
  /** Positions that the client gave. */
  readonly positions?: Positions;
  /** Positions before the welcome. */
  readonly starts?: Positions;
}

/** Membership of connections in channels, from a connection's first frame to its last. */
export class Members {
  /** Limit of groups per connection: each costs memory on this node. */
  static readonly maxGroups = 10_000;
  /** Turns of the long loops about channels and users. */
  readonly pace = new Pace();
  readonly #ports: MembersPorts;
  readonly #replay: Replay;

  constructor(ports: MembersPorts) {
    this.#ports = ports;
    this.#replay = new Replay(ports.reads, ports.guard, ports.isLastValue);
  }

  /**
   * Makes a logged-in connection a member of its channels and sends `welcome` as its first frame.
   * @param groups further groups to join again
   * @returns a function that sends the missed messages: those after `positions` where given, else after the device's
   * cursor on its own and durable channels; or why the user gets no connection
   * @throws TidingsError `unavailable` while the backplane is unavailable
   */
  async admit(
    connection: Connection,
    welcome: string,
    positions: Positions,
    groups: readonly string[],
  ): Promise<(() => Promise<void>) | Refusal> {
    const { backplane, local, blocks, guard } = this.#ports;
    const startedAt = performance.now();
    guard.note(connection, positions);
    // Read the starts before the welcome: every message after the welcome must arrive.
    const [durable, starts] = await Promise.all([
      backplane.memberships.groupsOf(connection.user),
      this.#startsOf(["all", ...groups.slice(0, Members.maxGroups).map(groupChannel)], positions),
    ]);
    const refusal = await this.#register(connection);
    if (refusal !== undefined) return refusal;
    const known = { positions, starts };
    const own = this.#enter(connection, userChannel(connection.user), { ...known, durable: true });
    const all = connection.receivesAll ? [this.#enter(connection, "all", { ...known, durable: false })] : [];
    local.add(connection);
    connection.send(welcome);
    if (blocks.hasSince(connection.user, startedAt)) connection.close("blocked");
    const joined: Entry[] = [];
    const ownGroups = new Set(durable);
    for (const group of [...new Set([...durable, ...groups])].slice(0, Members.maxGroups)) {
      await this.pace.after(joined.length);
      joined.push(await this.#joinGroup(connection, group, { ...known, durable: ownGroups.has(group) }));
    }
    return () => this.#catchUp(connection, [own, ...joined, ...all], positions, starts);
  }

  /** Removes a closed connection from its channels, the watchers and presence. Reports failures, throws none. */
  async dismiss(connection: Connection): Promise<void> {
    const { local, backplane, watchers, rooms, report } = this.#ports;
    local.remove(connection);
    watchers.drop(connection);
    rooms.drop(connection);
    connection.attachment(LateAcks)?.stop();
    // A failed call must not stop the others: the backplane keeps each entry until its removal.
    const removals = await Promise.allSettled([
      ...connection.groups.map((group) => this.#leaveGroup(connection, group)),
      backplane.presence.depart(connection),
    ]);
    for (const reason of newsIn(removals)) report("depart", reason);
  }

  /**
   * Joins a group.
   * @param data of the user in the group, JSON. @default those that the user has, else `info` of the credentials
   * @returns a function that sends the group's position, and replays from the given start if there is one
   * @throws TidingsError `too_large` beyond {@link Members.maxGroups}
   */
  async join(
    connection: Connection,
    group: string,
    data?: string,
  ): Promise<(from?: JoinStart) => Promise<Replayed>> {
    const isNew = !connection.groups.includes(group);
    const entry = await this.#joinGroup(connection, group, { durable: false }, data);
    return async (from) => {
      try {
        const start = typeof from === "function" ? await from() : from;
        return await this.#replayEntry(connection, entry, start, isNew ? undefined : true);
      } catch (thrown) {
        this.#replay.giveUp(connection, entry.channel, entry.hold);
        // The client hears that it has not joined, so it must not be a member without a position.
        if (isNew && connection.holdOf(entry.channel) === undefined) {
          await this.#undoJoin(connection, entry, group);
        }
        throw thrown;
      }
    };
  }

  /**
   * Sets the data of the connection's user in a group.
   * @throws TidingsError `forbidden` when the connection has not joined it
   */
  async update(connection: Connection, group: string, data: string): Promise<void> {
    const hasJoined = connection.groups.includes(group);
    if (hasJoined && (await this.#ports.backplane.rooms.setData(group, connection.user, data))) return;
    throw new TidingsError("forbidden", "data: join the group first");
  }

  /** Leaves a group; does nothing when the connection has not joined it. */
  async leave(connection: Connection, group: string): Promise<void> {
    if (!connection.groups.includes(group)) return;
    connection.attachment(PlacedGroups)?.names.delete(group);
    this.#ports.local.leave(group, connection);
    await this.#leaveGroup(connection, group);
  }

  /** A hook that asks for the members of the group must not find the user who has left. */
  #leaveGroup(connection: Connection, group: string): Promise<void> {
    return this.#leaveRoute(connection, group).finally(() => this.#tell("leave", connection, group));
  }

  #tell(hook: "join" | "leave", connection: Connection, group: string): void {
    const { hooks } = this.#ports;
    if (hooks.has(hook)) hooks.emit(hook, { connection, group });
  }

  /** Replays a channel to a connection that is already a member of it. */
  resume(connection: Connection, channel: Channel, position: Position): Promise<Replayed> {
    const entry = this.#enter(connection, channel, { durable: false });
    return this.#replayEntry(connection, entry, claimOf(position));
  }

  /** Registers a connection in presence and kicks those that the rules evict. @returns why it is refused, if it is */
  async #register(connection: Connection): Promise<Refusal | undefined> {
    const { backplane, rules } = this.#ports;
    const admission = await backplane.presence.arrive(connection, rules);
    if (!admission.admitted) return refusalBy(admission.blockedMs);
    for (const { id, user } of admission.evicted) {
      await backplane.cluster.command({ kind: "kick", cause: "replaced", user, connection: id });
    }
    return undefined;
  }

  async #joinGroup(connection: Connection, group: string, start: Start, data?: string): Promise<Entry> {
    if (connection.state !== "open") throw new TidingsError("unavailable", "the connection is closed");
    const isNew = !connection.groups.includes(group);
    if (isNew && connection.groups.length >= Members.maxGroups) {
      throw new TidingsError("too_large", `a connection has at most ${Members.maxGroups} groups`);
    }
    const entry = this.#enter(connection, groupChannel(group), start);
    this.#ports.local.join(group, connection);
    try {
      await this.#ports.backplane.routes.join(group, connection.user, joinData(connection, data));
    } catch (thrown) {
      if (isNew) await this.#takeBack(connection, entry, group);
      else this.#replay.giveUp(connection, entry.channel, entry.hold);
      throw thrown;
    }
    if (isNew) this.#tell("join", connection, group);
    return entry;
  }

  /** Ends a membership that has just begun, after a failure. */
  async #undoJoin(connection: Connection, entry: Entry, group: string): Promise<void> {
    if (connection.groups.includes(group)) this.#tell("leave", connection, group);
    await this.#takeBack(connection, entry, group);
  }

  async #takeBack(connection: Connection, { channel, hold }: Entry, group: string): Promise<void> {
    connection.release(channel, hold);
    if (!connection.groups.includes(group)) return;
    this.#ports.local.leave(group, connection);
    const left = this.#leaveRoute(connection, group);
    await left.catch((error: unknown) => isNews(error) && this.#ports.report("leave", error));
  }

  /** Removes this node's route to the group, unless another connection of the user has joined it. */
  async #leaveRoute(connection: Connection, group: string): Promise<void> {
    const { local, backplane } = this.#ports;
    if (!local.hasMember(group, connection.user)) await backplane.routes.leave(group, connection.user);
  }

  /** Puts a channel on hold. A replay of the channel that has not ended yet is replaced. */
  #enter(connection: Connection, channel: Channel, { durable, positions, starts }: Start): Entry {
    const owed = connection.holdOf(channel)?.reached;
    const hold = connection.hold(channel, this.#ports.holdLimits);
    hold.reached = claimOf(positions?.[channel]) ?? owed ?? this.#startOf(channel, durable, starts);
    return { channel, hold, durable, owed };
  }

  /** Where a device without a position and a cursor starts. Everyone gets the value of a last-value channel. */
  #startOf(channel: Channel, durable: boolean, starts?: Positions): ReplayFrom | undefined {
    if (this.#ports.isLastValue?.(channel)) return LAST_VALUE;
    return durable ? "first" : starts?.[channel];
  }

  /** Reads the present positions of the channels for which the client gave no position. */
  async #startsOf(channels: readonly Channel[], positions: Positions): Promise<Positions> {
    const asked = [...new Set(channels)].filter((channel) => positions[channel] === undefined);
    if (asked.length === 0) return {};
    const now = await this.#ports.backplane.broker.positions(asked);
    return Object.fromEntries(asked.map((channel, index) => [channel, now[index]]));
  }

  async #catchUp(
    connection: Connection,
    entries: readonly Entry[],
    positions: Positions,
    starts: Positions,
  ): Promise<void> {
    const { cursors } = this.#ports.backplane;
    const unknown = entries.filter(({ channel, durable }) => durable && positions[channel] === undefined);
    const known = await cursors.read(
      connection.user,
      connection.device,
      unknown.map(({ channel }) => channel),
    );
    const cursorOf = new Map(unknown.map((entry, index) => [entry, known[index]]));
    for (const [step, entry] of entries.entries()) {
      await this.pace.after(step);
      const start = this.#startOf(entry.channel, entry.durable, starts);
      const cursor = start === LAST_VALUE ? undefined : cursorOf.get(entry);
      await this.#replayEntry(connection, entry, claimOf(positions[entry.channel]) ?? cursor ?? start);
    }
  }

  /** @param missed true: messages of the channel may be on the way to the connection, or were dropped */
  async #replayEntry(
    connection: Connection,
    entry: Entry,
    asked?: ReplayFrom,
    missed?: true,
  ): Promise<Replayed> {
    const { channel, hold } = entry;
    const from = asked ?? entry.owed ?? this.#startOf(channel, false);
    if (from !== undefined) return this.#replay.run(connection, channel, hold, from);
    try {
      const present = await this.#present(channel, hold);
      return await this.#replay.runFromPresent(connection, channel, hold, present, missed);
    } catch (thrown) {
      this.#replay.giveUp(connection, channel, hold);
      throw thrown;
    }
  }

  /** Reads the present position of the channel, limited to the first message on hold, which the member must get. */
  async #present(channel: Channel, hold: Hold): Promise<Position> {
    const [now] = await this.#ports.backplane.broker.positions([channel]);
    if (now === undefined) throw new TidingsError("internal", `no position of ${channel}`);
    const { first } = hold;
    return first === undefined ? now : { epoch: now.epoch, offset: Math.min(now.offset, first - 1) };
  }
}

export { Blocks } from "./blocks.ts";
export { Commands } from "./commands.ts";
export {
  addMember,
  blockUser,
  type ConnectionName,
  moveConnection,
  removeMember,
} from "./durable.ts";
export { Gaps } from "./gaps.ts";
export { PlacedGroups } from "./placed.ts";
export { assertNotBlocked, type Refusal } from "./refusal.ts";
export {
  countMembers,
  type GroupCount,
  type GroupMember,
  groupMembers,
  MAX_MEMBERS_PAGE,
  type MembersPage,
  type MembersQuery,
  memberData,
} from "./roster.ts";
export { PresenceComparison } from "./watching/comparison.ts";
export { WatchedRooms } from "./watching/rooms.ts";
export { type Online, Watchers } from "./watching/watchers.ts";
