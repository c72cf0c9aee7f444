import type { Channel } from "../protocol/protocol.ts";
import type { Connection } from "./connection.ts";
import type { Outbox, OutboxLimits, OutboxOwner, SlowCounts } from "./outbox.ts";
import type { Slab } from "./slab.ts";

/** A part of the node's connections, chosen by user: its members of every channel, and its share of the writing. */
export class Shard implements OutboxOwner {
  readonly limits: OutboxLimits;
  readonly slow: SlowCounts;
  readonly slab: Slab;
  readonly connections = new Set<Connection>();
  readonly #users = new Map<string, Connection | Set<Connection>>();
  readonly #groups = new Map<string, Set<Connection>>();
  readonly #wake: (shard: Shard) => void;
  #dirty: Outbox[] = [];
  #flushed = 0;

  constructor(limits: OutboxLimits, slow: SlowCounts, slab: Slab, wake: (shard: Shard) => void) {
    this.limits = limits;
    this.slow = slow;
    this.slab = slab;
    this.#wake = wake;
  }

  add(connection: Connection): void {
    this.connections.add(connection);
    const { user } = connection;
    const present = this.#users.get(user);
    // Most users have one connection: a Set for each of them would cost more than everything else here.
    if (present === undefined) this.#users.set(user, connection);
    else if (present instanceof Set) present.add(connection);
    else this.#users.set(user, new Set([present, connection]));
  }

  /** @returns false when it was not here */
  remove(connection: Connection): boolean {
    if (!this.connections.delete(connection)) return false;
    for (const group of connection.groups) this.#removeMember(group, connection);
    const present = this.#users.get(connection.user);
    if (present === connection) this.#users.delete(connection.user);
    else if (present instanceof Set) {
      present.delete(connection);
      if (present.size === 0) this.#users.delete(connection.user);
    }
    return true;
  }

  join(group: string, connection: Connection): void {
    const members = this.#groups.get(group);
    if (members === undefined) this.#groups.set(group, new Set([connection]));
    else members.add(connection);
    // concat gives an array of just the right size; a spread would reserve room for 16 more.
    if (!connection.groups.includes(group)) connection.groups = connection.groups.concat(group);
  }

  leave(group: string, connection: Connection): void {
    this.#removeMember(group, connection);
    connection.groups = connection.groups.filter((joined) => joined !== group);
  }

  connectionsOf(user: string): Iterable<Connection> {
    const present = this.#users.get(user);
    if (present === undefined) return NOBODY;
    return present instanceof Set ? present : [present];
  }

  members(channel: Channel): Iterable<Connection> {
    if (channel === "all") return this.connections;
    if (channel.startsWith("user:")) return this.connectionsOf(channel.slice(5));
    return this.#groups.get(channel.slice(6)) ?? NOBODY;
  }

  schedule(outbox: Outbox): void {
    if (this.#dirty.length === 0) this.#wake(this);
    this.#dirty.push(outbox);
  }

  /** Writes up to `limit` of the outboxes that have something to write. @returns how many it wrote */
  flush(limit: number): number {
    const start = this.#flushed;
    const end = Math.min(this.#dirty.length, start + limit);
    for (let index = start; index < end; index++) this.#dirty[index]?.flush();
    this.#flushed = end;
    if (end === this.#dirty.length) {
      this.#dirty = [];
      this.#flushed = 0;
    }
    return end - start;
  }

  get isFlushed(): boolean {
    return this.#dirty.length === 0;
  }

  #removeMember(group: string, connection: Connection): void {
    const members = this.#groups.get(group);
    members?.delete(connection);
    if (members?.size === 0) this.#groups.delete(group);
  }
}

const NOBODY: readonly Connection[] = [];
