import type { ConnectionInfo } from "../protocol/protocol.ts";

/** Users online, their nodes and platforms, over the whole cluster. */
export interface PresenceView {
  /** Lists a user's connections, oldest first. */
  connectionsOf(user: string): Promise<ConnectionInfo[]>;
  /** Tells whether a user is online by the events: with a connection, or in the grace period after the last one. */
  isOnline(user: string): Promise<boolean>;
  /**
   * Lists users online, a page in a stable order; `cursor` continues and is absent at the end. A user who is online
   * throughout is listed exactly once. Rejects with `bad_request` for a cursor that no page gave.
   */
  online(page: { limit: number; cursor?: string | undefined }): Promise<OnlinePage>;
  /** Counts users online and their connections. O(1). */
  count(): Promise<{ users: number; connections: number }>;
  /**
   * Lists users who are blocked, a page in a stable order; `cursor` continues and is absent at the end. A user who is
   * blocked throughout is listed exactly once. Rejects with `bad_request` for a cursor that no page gave.
   */
  blocked(page: { limit: number; cursor?: string | undefined }): Promise<BlockedPage>;
  /** Lists users of whom at least one connection has joined the group. */
  inGroup(group: string): Promise<string[]>;
  /** Tells whether at least one connection of the user has joined the group. */
  hasJoined(group: string, user: string): Promise<boolean>;
}

/** Registry of the connections of all nodes. */
export interface Presence extends PresenceView {
  /**
   * Registers a connection, unless the rules refuse it. The `evicted` ones, oldest first, no longer count from here on;
   * the caller ends them.
   */
  arrive(connection: ConnectionInfo, rules: ConnectionRules): Promise<Admission>;
  /** Removes a connection; does nothing when it is not registered (any more). */
  depart(connection: ConnectionInfo): Promise<void>;
  /**
   * From here on `arrive` refuses the user on every node, until the time is over. It outlives nodes where the backplane does. A
   * later call replaces it, and 0 ends it. Connections that the user has stay: the caller ends them.
   */
  block(user: string, ms: number): Promise<void>;
  /** Tells for how long a user is still blocked, in milliseconds; 0 for one who is not. */
  blockedMs(user: string): Promise<number>;
}

/** Rules on a user's connections, decided atomically over the whole cluster. */
export interface ConnectionRules {
  /** @default 0 // unlimited */
  readonly maxPerUser: number;
  readonly perUserPolicy: "reject" | "kick_oldest";
  readonly onePerPlatform: boolean;
}

/** A refusal says for how long the user is blocked, if that is the cause. */
export type Admission =
  | { admitted: true; evicted: readonly ConnectionInfo[] }
  | { admitted: false; blockedMs?: number };

export interface OnlineUser {
  readonly user: string;
  readonly connections: number;
  readonly platforms: readonly string[];
}

export interface OnlinePage {
  readonly users: readonly OnlineUser[];
  readonly cursor?: string;
}

export interface BlockedUser {
  readonly user: string;
  /** End of the block, in milliseconds since 1970. */
  readonly until: number;
}

export interface BlockedPage {
  readonly users: readonly BlockedUser[];
  readonly cursor?: string;
}
