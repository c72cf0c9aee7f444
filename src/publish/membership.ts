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
  readonly #ports: MembershipPorts;
  readonly #replay: Replay;

  constructor(ports: MembershipPorts) {
    this.#ports = ports;
    this.#replay = new Replay(ports.backplane.broker);
  }

  /**
   * Makes a logged-in connection a member of its channels, sends `welcome` as its first frame, then replays
   * what it missed: after `positions` where given, else after the device's cursor on its own and durable channels.
   * @param groups further groups to join again
   * @throws TidingsError `forbidden` when the user has too many connections, `unavailable` without backplane
   */
  async admit(
    connection: Connection,
    welcome: string,
    positions: Positions,
    groups: readonly string[],
  ): Promise<void> {
    const { backplane, local, rules } = this.#ports;
    const durable = await backplane.memberships.groupsOf(connection.user);
    const admission = await backplane.presence.arrive(connection, rules);
    if (!admission.admitted) throw new TidingsError("forbidden", "this user has too many connections");
    for (const { id, user } of admission.evicted) {
      await backplane.cluster.command({ kind: "kick", cause: "replaced", user, connection: id });
    }
    if (connection.state !== "open") return;
    const entries = [
      this.#enter(connection, userChannel(connection.user), true),
      this.#enter(connection, "all", false),
    ];
    local.add(connection);
    connection.send(welcome);
    for (const group of new Set([...durable, ...groups])) {
      entries.push(await this.#joinGroup(connection, group, durable.includes(group)));
    }
    await this.#catchUp(connection, entries, positions);
  }

  /** Takes a connection that is gone out of everything. Failures are reported, not thrown. */
  async dismiss(connection: Connection): Promise<void> {
    const { local, backplane, watchers, report } = this.#ports;
    local.remove(connection);
    watchers.drop(connection);
    try {
      for (const group of connection.groups) await this.#leaveBroker(connection, group);
      await backplane.presence.depart(connection);
    } catch (error) {
      report("depart", error);
    }
  }

  /** Joins a group from now on, or replays it from a position. */
  async join(connection: Connection, group: string, position?: Position): Promise<Replayed> {
    const entry = await this.#joinGroup(connection, group, false);
    return this.#replayEntry(connection, entry, position);
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
    const entry = this.#enter(connection, groupChannel(group), durable);
    this.#ports.local.join(group, connection);
    await this.#ports.backplane.broker.join(group, connection.user);
    return entry;
  }

  async #leaveBroker(connection: Connection, group: string): Promise<void> {
    const { local, backplane } = this.#ports;
    if (!local.hasMember(group, connection.user)) await backplane.broker.leave(group, connection.user);
  }

  #enter(connection: Connection, channel: Channel, durable: boolean): Entry {
    return { channel, hold: connection.hold(channel, this.#ports.holdLimit), durable };
  }

  async #catchUp(connection: Connection, entries: readonly Entry[], positions: Positions): Promise<void> {
    const { cursors } = this.#ports.backplane;
    const unknown = entries.filter(({ channel, durable }) => durable && positions[channel] === undefined);
    const known = await cursors.read(
      connection.user,
      connection.device,
      unknown.map(({ channel }) => channel),
    );
    for (const entry of entries) {
      const cursor = known[unknown.indexOf(entry)];
      const from = positions[entry.channel] ?? cursor ?? (entry.durable ? "first" : undefined);
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
