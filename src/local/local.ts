import {
  type Channel,
  type ConnectionInfo,
  isUserChannel,
  spread,
  userChannel,
  userOf,
} from "../protocol/protocol.ts";
import { Connection, type Transport } from "./connection.ts";
import type { Delivered, Delivery } from "./delivery.ts";
import { Flusher } from "./flusher.ts";
import type { Compression } from "./frame.ts";
import { Heartbeat, type HeartbeatOptions } from "./heartbeat.ts";
import type { Outbox, OutboxLimits, SlowCounts } from "./outbox.ts";
import { Shard, type ShardOptions } from "./shard.ts";
import { Slab } from "./slab.ts";
import { type DropListener, Drops } from "./slow/drops.ts";
import { Laggards } from "./slow/laggards.ts";
import { Users } from "./users.ts";

export interface LocalOptions {
  readonly shardCount: number;
  /** Shards written before the flusher yields to the event loop. */
  readonly shardsPerTurn: number;
  readonly outbox: OutboxLimits;
  /** Unsent bytes of all connections together, beyond which those with most of them are cut. @default unlimited */
  readonly pendingBytes?: number;
  readonly heartbeat: HeartbeatOptions;
  /** Compression of pushes, for connections that agreed to it. */
  readonly compression: Compression;
  /** Called when a connection that has missed nothing misses its first stored message. @default nothing is done */
  readonly missed?: (connection: Connection) => void;
  /** Hears of dropped messages, per connection and tick. @default nobody */
  readonly drops?: DropListener;
}

/** Limit of the table of shared platform names: clients choose the names. */
const MAX_SHARED_PLATFORMS = 256;

/** Result for a user without connections here. */
const UNDELIVERED: Readonly<Delivered> = { connections: 0, dropped: 0, waiting: undefined };

/** The connections of this node. */
export class Local {
  readonly #shards: readonly Shard[];
  readonly #users = new Users();
  readonly #flusher: Flusher;
  readonly #heartbeat: Heartbeat;
  readonly #laggards: Laggards;
  /** One string per platform: connections are many, platforms few. */
  readonly #platforms = new Map<string, string>();
  /** Counts of frames that met a full queue. */
  readonly slow: SlowCounts = { dropped: 0, waited: 0, closed: 0, cut: 0 };
  #size = 0;
  #groups = 0;

  constructor(options: LocalOptions) {
    this.#flusher = new Flusher(options.shardsPerTurn);
    const slab = new Slab();
    const { outbox: limits, compression, missed = () => undefined } = options;
    const { pendingBytes = Number.POSITIVE_INFINITY } = options;
    const { wake, hurry, mayWriteNow } = this.#flusher;
    this.#laggards = new Laggards(pendingBytes, (outboxes) => this.#cut(outboxes));
    const { add: lag } = this.#laggards;
    const { add: dropped } = new Drops(options.drops);
    const groupChanged: ShardOptions["groupChanged"] = (group, isHere) => this.#groupChanged(group, isHere);
    const { slow } = this;
    const writing = { limits, slow, slab, lag, compression, wake, hurry, mayWriteNow };
    const parts = { ...writing, missed, dropped, groupChanged };
    this.#shards = Array.from({ length: options.shardCount }, () => new Shard(parts));
    this.#heartbeat = new Heartbeat(this.#shards, options.heartbeat, () => this.#flusher.lateMs);
  }

  /** Number of connections. */
  get size(): number {
    return this.#size;
  }

  /** Number of users with a connection. */
  get users(): number {
    return this.#users.size;
  }

  /** Number of groups with a member. */
  get groups(): number {
    return this.#groups;
  }

  /** Makes a connection, which is not yet a member of any channel. */
  connection(identity: ConnectionInfo, transport: Transport): Connection {
    const platform = this.#shared(identity.platform);
    const device = identity.device === platform ? platform : identity.device;
    return new Connection({ ...identity, platform, device }, transport, this.#shardOf(identity.user));
  }

  /** Makes the connection a member of its user's channel and of `all`. */
  add(connection: Connection): void {
    this.#shardOf(connection.user).add(connection);
    this.#users.add(connection);
    this.#heartbeat.add(connection);
    this.#size++;
  }

  /** Removes the connection from every channel and marks it as closed. */
  remove(connection: Connection): void {
    if (!this.#shardOf(connection.user).remove(connection)) return;
    this.#users.remove(connection);
    this.#heartbeat.remove(connection);
    this.#size--;
    connection.closed();
  }

  join(group: string, connection: Connection): void {
    this.#shardOf(connection.user).join(group, connection);
  }

  leave(group: string, connection: Connection): void {
    this.#shardOf(connection.user).leave(group, connection);
  }

  /** Finds an open connection by user and id. */
  find({ user, id }: Pick<ConnectionInfo, "user" | "id">): Connection | undefined {
    return this.connectionsOf(user).find((connection) => connection.id === id);
  }

  /** All connections, in no order. */
  *connections(): Iterable<Connection> {
    for (const shard of this.#shards) yield* shard.connections;
  }

  /** Finds an open connection by its id alone. Walks the connections: for operators. */
  byId(id: string): Connection | undefined {
    for (const connection of this.connections()) if (connection.id === id) return connection;
    return undefined;
  }

  connectionsOf(user: string): Connection[] {
    return [...(this.#users.on(userChannel(user)) ?? [])];
  }

  /** True while a connection of the user has joined the group. */
  hasMember(group: string, user: string): boolean {
    return this.connectionsOf(user).some((connection) => connection.groups.includes(group));
  }

  /** Hands a delivery to every member of its channel. Never throws, never waits. */
  deliver(delivery: Delivery): Readonly<Delivered> {
    const { channel } = delivery;
    const isToUser = isUserChannel(channel);
    const user = isToUser ? this.#users.on(channel) : undefined;
    if (isToUser && user === undefined) return UNDELIVERED;
    const delivered: Delivered = { connections: 0, dropped: 0, waiting: undefined };
    if (user === undefined) for (const shard of this.#shards) shard.fanOut(delivery, delivered);
    else this.#shardOf(userOf(channel)).deliverToUser(user, delivery, delivered);
    return delivered;
  }

  /** Names of the groups with a member. A group with members in several shards comes several times. */
  *groupNames(): Iterable<string> {
    for (const shard of this.#shards) yield* shard.groupNames();
  }

  /** Number of members of a group, or of `all`. */
  countMembers(channel: Channel): number {
    return this.#shards.reduce((sum, shard) => sum + shard.membersOf(channel).size, 0);
  }

  /** Calls the function for every member of a channel. */
  eachMember(channel: Channel, visit: (connection: Connection) => void): void {
    if (isUserChannel(channel)) for (const connection of this.#users.on(channel) ?? []) visit(connection);
    else
      for (const shard of this.#shards) for (const connection of shard.membersOf(channel)) visit(connection);
  }

  /** Messages and bytes in all send queues. Walks those that have any. */
  pending(): { messages: number; bytes: number } {
    let messages = 0;
    let bytes = 0;
    for (const shard of this.#shards) shard.enqueuePosted();
    const due = this.#shards.flatMap((shard) => shard.due);
    for (const { pendingMessages, pendingBytes } of new Set([...due, ...this.#laggards.outboxes])) {
      messages += pendingMessages;
      bytes += pendingBytes;
    }
    return { messages, bytes };
  }

  /** Connections whose sockets have not taken all bytes, and these bytes. Walks only those. */
  lagging(): { connections: number; bytes: number } {
    return this.#laggards.count();
  }

  /** Connections of {@link lagging} with the most bytes, the slowest first. Walks every connection if there are any. */
  slowest(count: number): Connection[] {
    const chosen = new Set(this.#laggards.heaviest().slice(0, count));
    const found: Connection[] = [];
    if (chosen.size > 0) for (const each of this.connections()) if (each.sendsBy(chosen)) found.push(each);
    return found.sort((one, other) => other.unsentBytes - one.unsentBytes);
  }

  stop(): void {
    this.#heartbeat.stop();
    this.#flusher.stop();
    this.#laggards.stop();
  }

  /** Counts a group that has come to its first shard, or has left its last one. */
  #groupChanged(group: string, isHere: boolean): void {
    let shards = 0;
    for (const shard of this.#shards) if (shard.hasGroup(group)) shards++;
    if (isHere && shards === 1) this.#groups++;
    if (!isHere && shards === 0) this.#groups--;
  }

  /** Walks every connection, because an outbox does not know its own. */
  #cut(outboxes: ReadonlySet<Outbox>): void {
    for (const connection of [...this.connections()]) {
      if (!connection.sendsBy(outboxes)) continue;
      this.slow.cut++;
      connection.close("slow");
      connection.terminate();
    }
  }

  #shared(platform: string): string {
    const known = this.#platforms.get(platform);
    if (known !== undefined) return known;
    if (this.#platforms.size < MAX_SHARED_PLATFORMS) this.#platforms.set(platform, platform);
    return platform;
  }

  #shardOf(user: string): Shard {
    const shard = this.#shards[spread(user, this.#shards.length)];
    if (shard === undefined) throw new RangeError("shardCount: expected at least 1");
    return shard;
  }
}

export { Attachment } from "./attachment.ts";
export type { Connection, Transport } from "./connection.ts";
export type { Delivered, Delivery } from "./delivery.ts";
export { HUFFMAN_ONLY, textFrame } from "./frame.ts";
export { type Claim, type Held, HeldBytes, type Hold, type HoldLimits, type Rewind } from "./hold.ts";
export { LoginState, NO_CLAIMS } from "./login/login.ts";
export type { ByteStream, OutboxLimits, SlowCounts, SlowPolicy, Verdict } from "./outbox.ts";
export { Packet } from "./packet.ts";
export type { DropListener } from "./slow/drops.ts";
