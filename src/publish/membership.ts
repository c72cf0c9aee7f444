import type { Backplane, ConnectionRules } from "../backplane/backplane.ts";
import type { Connection, Hold, Local } from "../local/local.ts";
import {
  type Channel,
  groupChannel,
  type Position,
  type Positions,
  TidingsError,
  userChannel,
} from "../protocol/protocol.ts";
import { Replay, type Replayed, type ReplayFrom } from "./replay.ts";
import type { Watchers } from "./watchers.ts";

export interface MembershipPorts {
  readonly local: Local;
  readonly backplane: Backplane;
  readonly watchers: Watchers;
  readonly rules: ConnectionRules;
  /** Live messages of a channel kept back while it is replayed. */
  readonly holdLimit: number;
  readonly report: (stage: string, error: unknown) => void;
}

/** A channel that a connection has just become a member of, on hold until it is replayed. */
interface Entry {
  readonly channel: Channel;
  readonly hold: Hold;
  /** On these a device without a position starts where it left off; on the others it starts now. */
  readonly durable: boolean;
}

/** Which connection is a member of which channel, from its first frame to its last. */
export class Membership {
  /** Groups that a connection can be a member of: each costs memory on this node. */
  static readonly maxGroups = 10_000;
  readonly #ports: MembershipPorts;
  readonly #replay: Replay;

  constructor(ports: MembershipPorts) {
    this.#ports = ports;
    this.#replay = new Replay(ports.backplane.broker);
  }

  /**
   * Makes a logged-in connection a member of its channels and sends `welcome` as its first frame.
   * @param groups further groups to join again
   * @returns what sends the missed messages: those after `positions` where given, else after the device's cursor
   * on its own and durable channels. Undefined when the user has too many connections
   * @throws TidingsError `unavailable` while the backplane is away
   */
  async admit(
    connection: Connection,
    welcome: string,
    positions: Positions,
    groups: readonly string[],
  ): Promise<(() => Promise<void>) | undefined> {
    const { backplane, local, rules } = this.#ports;
    // Where it starts is known before the welcome: what is sent after that is not to be missed.
    const [durable, starts] = await Promise.all([
      backplane.memberships.groupsOf(connection.user),
      this.#startsOf(["all", ...groups.slice(0, Membership.maxGroups).map(groupChannel)], positions),
    ]);
    const admission = await backplane.presence.arrive(connection, rules);
    if (!admission.admitted) return undefined;
    for (const { id, user } of admission.evicted) {
      await backplane.cluster.command({ kind: "kick", cause: "replaced", user, connection: id });
    }
    const own = this.#enter(connection, userChannel(connection.user), true);
    const all = this.#enter(connection, "all", false);
    local.add(connection);
    connection.send(welcome);
    const joined: Entry[] = [];
    for (const group of [...new Set([...durable, ...groups])].slice(0, Membership.maxGroups)) {
      joined.push(await this.#joinGroup(connection, group, durable.includes(group)));
    }
    return () => this.#catchUp(connection, [own, ...joined, all], positions, starts);
  }

  /** Takes a connection that is gone out of everything. Failures are reported, not thrown. */
  async dismiss(connection: Connection): Promise<void> {
    const { local, backplane, watchers, report } = this.#ports;
    local.remove(connection);
    watchers.drop(connection);
    // Each is tried whatever becomes of the others: what a backplane was never told, it would keep for ever.
    const departures = await Promise.allSettled([
      ...connection.groups.map((group) => this.#leaveBroker(connection, group)),
      backplane.presence.depart(connection),
    ]);
    for (const departure of departures) {
      if (departure.status === "rejected") report("depart", departure.reason);
    }
  }

  /**
   * Joins a group.
   * @returns what tells the client where the group goes on, and replays it from a position if there is one
   * @throws TidingsError `too_large` beyond {@link Membership.maxGroups}
   */
  async join(connection: Connection, group: string): Promise<(position?: Position) => Promise<Replayed>> {
    const entry = await this.#joinGroup(connection, group, false);
    return (position) => this.#replayEntry(connection, entry, position);
  }

  async leave(connection: Connection, group: string): Promise<void> {
    if (!connection.groups.includes(group)) return;
    this.#ports.local.leave(group, connection);
    await this.#leaveBroker(connection, group);
  }

  /** Replays a channel that the connection is a member of already. */
  resume(connection: Connection, channel: Channel, position: Position): Promise<Replayed> {
    return this.#replayEntry(connection, this.#enter(connection, channel, false), position);
  }

  async #joinGroup(connection: Connection, group: string, durable: boolean): Promise<Entry> {
    if (connection.state !== "open") throw new TidingsError("unavailable", "the connection is closed");
    const { groups } = connection;
    if (groups.length >= Membership.maxGroups && !groups.includes(group)) {
      throw new TidingsError("too_large", `a connection has at most ${Membership.maxGroups} groups`);
    }
    const entry = this.#enter(connection, groupChannel(group), durable);
    this.#ports.local.join(group, connection);
    await this.#ports.backplane.routes.join(group, connection.user);
    return entry;
  }

  async #leaveBroker(connection: Connection, group: string): Promise<void> {
    const { local, backplane } = this.#ports;
    if (!local.hasMember(group, connection.user)) await backplane.routes.leave(group, connection.user);
  }

  #enter(connection: Connection, channel: Channel, durable: boolean): Entry {
    return { channel, hold: connection.hold(channel, this.#ports.holdLimit), durable };
  }

  /** Where channels stand for which a client has named no position. */
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
    for (const entry of entries) {
      const cursor = known[unknown.indexOf(entry)];
      const start = entry.durable ? "first" : starts[entry.channel];
      const from = positions[entry.channel] ?? cursor ?? start;
      await this.#replayEntry(connection, entry, from);
    }
  }

  async #replayEntry(connection: Connection, { channel, hold }: Entry, from?: ReplayFrom): Promise<Replayed> {
    return this.#replay.run(connection, channel, hold, from ?? (await this.#now(channel, hold)));
  }

  /** Where the channel stands, but not past a message that this member is owed already. */
  async #now(channel: Channel, hold: Hold): Promise<Position> {
    const [now] = await this.#ports.backplane.broker.positions([channel]);
    if (now === undefined) throw new TidingsError("internal", `no position of ${channel}`);
    const owed = hold.held[0];
    return owed === undefined ? now : { epoch: now.epoch, offset: Math.min(now.offset, owed.offset - 1) };
  }
}

export type { Replayed as Joined };
