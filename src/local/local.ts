import type { Channel } from "../protocol/protocol.ts";
import { Connection, type ConnectionIdentity, type Transport } from "./connection.ts";
import { Flusher } from "./flusher.ts";
import type { Compression } from "./frame.ts";
import { Heartbeat, type HeartbeatOptions } from "./heartbeat.ts";
import type { OutboxLimits, SlowCounts } from "./outbox.ts";
import type { Packet } from "./packet.ts";
import { Shard } from "./shard.ts";
import { Slab } from "./slab.ts";

export interface LocalOptions {
  readonly shardCount: number;
  /** Shards written before the event loop gets its turn. */
  readonly shardsPerTurn: number;
  readonly outbox: OutboxLimits;
  readonly heartbeat: HeartbeatOptions;
  /** How pushes are compressed for connections that agreed to it. */
  readonly compression: Compression;
}

/** What a delivery carries besides its bytes. */
export interface Delivery {
  readonly channel: Channel;
  readonly packet: Packet;
  /** The place in the channel's history; absent when it is ephemeral. */
  readonly offset?: number;
  /** Only to connections on these platforms. */
  readonly platforms?: readonly string[];
  /** Not to the connections with these ids. */
  readonly except?: readonly string[];
  /** In place of the message, for members that do not get it: tells them that the offset is passed. */
  readonly skip?: () => Packet;
}

/** What became of a delivery on this node. */
export interface Delivered {
  /** Connections it was handed to. */
  connections: number;
  /** Under the policy `wait`: resolves when every full queue has drained or its time is up. */
  waiting: Promise<unknown> | undefined;
}

/** Clients choose the names, so the table of them is bounded. */
const MAX_SHARED_PLATFORMS = 256;

/** The connections of this node. */
export class Local {
  readonly #shards: readonly Shard[];
  readonly #flusher: Flusher;
  readonly #heartbeat: Heartbeat;
  readonly #compression: Compression;
  /** Platforms are few and connections many: one string for all of them. */
  readonly #platforms = new Map<string, string>();
  /** What full queues have come to so far. */
  readonly slow: SlowCounts = { dropped: 0, waited: 0, closed: 0 };
  #size = 0;

  constructor(options: LocalOptions) {
    this.#flusher = new Flusher(options.shardsPerTurn);
    const slab = new Slab();
    this.#shards = Array.from(
      { length: options.shardCount },
      () => new Shard(options.outbox, this.slow, slab, this.#flusher.wake),
    );
    this.#heartbeat = new Heartbeat(this.#shards, options.heartbeat);
    this.#compression = options.compression;
  }

  /** How many connections there are. */
  get size(): number {
    return this.#size;
  }

  /** Makes a connection that is not yet a member of anything. */
  connection(identity: ConnectionIdentity, transport: Transport): Connection {
    const platform = this.#shared(identity.platform);
    const device = identity.device === platform ? platform : identity.device;
    return new Connection({ ...identity, platform, device }, transport, this.#shardOf(identity.user));
  }

  /** From here on the connection gets what its user and everyone gets. */
  add(connection: Connection): void {
    this.#shardOf(connection.user).add(connection);
    this.#size++;
  }

  /** Takes the connection out of every channel. */
  remove(connection: Connection): void {
    if (!this.#shardOf(connection.user).remove(connection)) return;
    this.#size--;
    connection.closed();
  }

  join(group: string, connection: Connection): void {
    this.#shardOf(connection.user).join(group, connection);
  }

  leave(group: string, connection: Connection): void {
    this.#shardOf(connection.user).leave(group, connection);
  }

  /** The connection behind what others know of it; undefined when it is gone. */
  find({ user, id }: Pick<ConnectionIdentity, "user" | "id">): Connection | undefined {
    return this.connectionsOf(user).find((connection) => connection.id === id);
  }

  /** All connections, in no order. */
  *connections(): Iterable<Connection> {
    for (const shard of this.#shards) yield* shard.connections;
  }

  connectionsOf(user: string): Connection[] {
    return [...this.#shardOf(user).connectionsOf(user)];
  }

  /** True while a connection of the user has joined the group. */
  hasMember(group: string, user: string): boolean {
    return this.connectionsOf(user).some((connection) => connection.groups.includes(group));
  }

  /** Hands one packet to every member of its channel. Never throws, never waits. */
  deliver(delivery: Delivery): Delivered {
    const result: Delivered = { connections: 0, waiting: undefined };
    const { channel } = delivery;
    if (channel.startsWith("user:")) {
      this.#deliverTo(this.#shardOf(channel.slice(5)).members(channel), delivery, result);
    } else {
      for (const shard of this.#shards) this.#deliverTo(shard.members(channel), delivery, result);
    }
    return result;
  }

  /** Calls the function for every member of a channel. */
  eachMember(channel: Channel, visit: (connection: Connection) => void): void {
    for (const shard of this.#shards) for (const connection of shard.members(channel)) visit(connection);
  }

  /** Messages and bytes in all queues. Walks every connection: for metrics, not for the hot path. */
  pending(): { messages: number; bytes: number } {
    let messages = 0;
    let bytes = 0;
    for (const { outbox } of this.connections()) {
      messages += outbox.pendingMessages;
      bytes += outbox.pendingBytes;
    }
    return { messages, bytes };
  }

  stop(): void {
    this.#heartbeat.stop();
    this.#flusher.stop();
  }

  #deliverTo(members: Iterable<Connection>, delivery: Delivery, result: Delivered): void {
    const { packet } = delivery;
    const filtered = delivery.platforms !== undefined || delivery.except !== undefined;
    for (const connection of members) {
      if (filtered && !addresses(delivery, connection)) skip(connection, delivery);
      else if (connection.holds !== undefined && keep(connection, delivery, packet)) result.connections++;
      else this.#enqueue(connection, packet, result);
    }
  }

  #enqueue(connection: Connection, packet: Packet, result: Delivered): void {
    const frame = connection.deflate ? packet.deflated(this.#compression) : packet.plain;
    const verdict = connection.enqueue(frame);
    if (verdict === "queued") {
      result.connections++;
    } else if (verdict === "waiting") {
      result.connections++;
      result.waiting = Promise.all([result.waiting, connection.outbox.whenDrained()]);
    }
  }

  #shared(platform: string): string {
    const known = this.#platforms.get(platform);
    if (known !== undefined) return known;
    if (this.#platforms.size < MAX_SHARED_PLATFORMS) this.#platforms.set(platform, platform);
    return platform;
  }

  #shardOf(user: string): Shard {
    const shard = this.#shards[hash(user) % this.#shards.length];
    if (shard === undefined) throw new RangeError("shardCount: expected at least 1");
    return shard;
  }
}

function addresses({ platforms, except }: Delivery, connection: Connection): boolean {
  if (platforms !== undefined && !platforms.includes(connection.platform)) return false;
  return except === undefined || !except.includes(connection.id);
}

/** Keeps a stored message back for a connection to which its channel is being replayed. */
function keep(connection: Connection, { channel, offset }: Delivery, packet: Packet): boolean {
  const hold = offset === undefined ? undefined : connection.holdOf(channel);
  if (hold === undefined || offset === undefined) return false;
  hold.add({ offset, packet });
  return true;
}

/** A member that a stored message leaves out must not take its offset for a gap. */
function skip(connection: Connection, delivery: Delivery): void {
  const packet = delivery.skip?.();
  if (packet !== undefined && !keep(connection, delivery, packet)) {
    connection.outbox.enqueueAnyway(packet.plain);
  }
}

/** FNV-1a over UTF-16 units: spreads short ids evenly, needs no table. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

export type { Connection, ConnectionIdentity, Transport } from "./connection.ts";
export type { Held, Hold } from "./hold.ts";
export type { ByteStream, OutboxLimits, SlowCounts, SlowPolicy, Verdict } from "./outbox.ts";
export { Packet } from "./packet.ts";
