import { Grace } from "../grace.ts";
import type { LocalNode } from "../local-node.ts";
import type {
  Admission,
  BlockedPage,
  ConnectionInfo,
  ConnectionRules,
  JoinData,
  OnlinePage,
  Presence,
  Routes,
} from "../port.ts";
import { OnlineUsers } from "./online.ts";
import type { SingleRooms } from "./rooms.ts";

const NONE: readonly ConnectionInfo[] = [];

/** Blocks of users, which {@link Presence.block} sets. */
export interface Blocks {
  /** @returns the rest of the block in milliseconds; 0 for a user who is not blocked */
  restOf(user: string): number;
  /** @param ms 0 ends the block */
  set(user: string, ms: number): Promise<void>;
  /**
   * Reads a page of users who are blocked.
   * @throws TidingsError `bad_request` for a cursor that no page gave
   */
  page(limit: number, cursor?: string): BlockedPage;
}

/** Connections of a node that is alone. */
export class SinglePresence implements Presence, Routes {
  readonly #node: LocalNode;
  readonly #blocks: Blocks;
  readonly #rooms: SingleRooms;
  readonly #grace: Grace;
  readonly #online = new OnlineUsers();
  #connections = 0;

  constructor(node: LocalNode, rooms: SingleRooms, blocks: Blocks, graceMs: number) {
    this.#node = node;
    this.#rooms = rooms;
    this.#blocks = blocks;
    this.#grace = new Grace(graceMs, (user) => node.sink.presence(user, false));
  }

  async arrive(connection: ConnectionInfo, rules: ConnectionRules): Promise<Admission> {
    const { sink } = this.#node;
    const { user } = connection;
    const blockedMs = this.#blocks.restOf(user);
    if (blockedMs > 0) return { admitted: false, blockedMs };
    const present = this.#online.get(user);
    const admission = admit(connection, present?.connections ?? NONE, rules);
    if (!admission.admitted) return admission;
    this.#connections += 1 - admission.evicted.length;
    if (present !== undefined) {
      for (const evicted of admission.evicted) remove(present.connections, evicted.id);
      present.connections.push(connection);
      return admission;
    }
    this.#online.add(user, connection);
    if (!this.#grace.cancel(user)) sink.presence(user, true);
    return admission;
  }

  /** Does nothing for an unknown connection: `arrive` has removed the evicted ones already. */
  async depart({ id, user }: ConnectionInfo): Promise<void> {
    this.#node.assertStarted();
    const present = this.#online.get(user);
    if (present === undefined || !remove(present.connections, id)) return;
    this.#connections--;
    if (present.connections.length > 0) return;
    this.#online.remove(present);
    this.#grace.begin(user);
  }

  async block(user: string, ms: number): Promise<void> {
    this.#node.assertStarted();
    await this.#blocks.set(user, ms);
  }

  async blockedMs(user: string): Promise<number> {
    this.#node.assertStarted();
    return this.#blocks.restOf(user);
  }

  async blocked({ limit, cursor }: { limit: number; cursor?: string }): Promise<BlockedPage> {
    this.#node.assertStarted();
    return this.#blocks.page(limit, cursor);
  }

  async connectionsOf(user: string): Promise<ConnectionInfo[]> {
    this.#node.assertStarted();
    return [...(this.#online.get(user)?.connections ?? NONE)];
  }

  async isOnline(user: string): Promise<boolean> {
    this.#node.assertStarted();
    return this.#online.get(user) !== undefined || this.#grace.has(user);
  }

  async online({ limit, cursor }: { limit: number; cursor?: string }): Promise<OnlinePage> {
    this.#node.assertStarted();
    return this.#online.page(limit, cursor);
  }

  async count(): Promise<{ users: number; connections: number }> {
    this.#node.assertStarted();
    return { users: this.#online.size, connections: this.#connections };
  }

  async inGroup(group: string): Promise<string[]> {
    this.#node.assertStarted();
    return [...this.#rooms.joinedOf(group).keys()];
  }

  async hasJoined(group: string, user: string): Promise<boolean> {
    this.#node.assertStarted();
    return this.#rooms.joinedOf(group).has(user);
  }

  async join(group: string, user: string, data?: JoinData): Promise<void> {
    this.#node.assertStarted();
    this.#rooms.join(group, user, data);
  }

  async leave(group: string, user: string): Promise<void> {
    this.#node.assertStarted();
    this.#rooms.leave(group, user);
  }

  /** Ends all grace periods: no user goes offline any more. */
  stop(): void {
    this.#grace.stop();
  }
}

/** Applies the rules to a new connection. @param present the user's connections, oldest first */
function admit(
  { platform }: ConnectionInfo,
  present: readonly ConnectionInfo[],
  { maxPerUser, perUserPolicy, onePerPlatform }: ConnectionRules,
): Admission {
  const replaced = onePerPlatform ? present.filter((other) => other.platform === platform) : NONE;
  const excess = maxPerUser > 0 ? present.length - replaced.length + 1 - maxPerUser : 0;
  if (excess <= 0) return { admitted: true, evicted: replaced };
  if (perUserPolicy === "reject") return { admitted: false };
  const others = present.filter((other) => !replaced.includes(other));
  return { admitted: true, evicted: [...replaced, ...others.slice(0, excess)] };
}

/** @returns whether the list had the connection */
function remove(connections: ConnectionInfo[], id: string): boolean {
  const index = connections.findIndex((connection) => connection.id === id);
  if (index === -1) return false;
  connections.splice(index, 1);
  return true;
}
