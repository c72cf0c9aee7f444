import type { Channel, ConnectionInfo, Position } from "../protocol/protocol.ts";
import type { Message, StoredMessage } from "./message.ts";

/**
 * What ties the nodes together and keeps history: one interface, sibling implementations, and one contract
 * suite (test/backplane/contract.ts) that runs against all of them. The key words are those of RFC 2119.
 *
 * Every method that returns a promise rejects with a TidingsError `unavailable` while the backplane is away.
 */
export interface Backplane {
  /** The implementation, as health reports and metrics name it. */
  readonly name: string;
  readonly broker: Broker;
  readonly cursors: Cursors;
  readonly memberships: Memberships;
  readonly presence: Presence;
  readonly cluster: Cluster;
  /** What goes between this node and the others. Absent where there are no others. */
  readonly traffic?: Traffic;

  /** Announces the node. From here on the sink is called. */
  start(node: NodeInfo, sink: BackplaneSink): Promise<void>;
  /**
   * Takes the node out of the cluster and releases everything. The sink MUST NOT be called afterwards.
   * @throws TidingsError `unavailable` when the others could not be told: they find out by themselves. Everything is released then, too
   */
  stop(): Promise<void>;
  /** Resolves after a real round trip (publish and receive); rejects when that fails. */
  probe(): Promise<void>;
}

/**
 * Counts since the start, read whenever metrics are asked for: a live object of plain numbers that only rise. Every kind
 * and every script MUST be there from the start, with 0.
 */
export interface Traffic {
  /** Messages between nodes, by direction and kind. What goes to three nodes counts three times. */
  readonly messages: Readonly<Record<Direction, Readonly<Record<string, number>>>>;
  /** The length of the texts in which they travel. */
  readonly bytes: Readonly<Record<Direction, number>>;
  /** What was given up because the backplane was away or could not follow, with nobody who waits for it. */
  readonly dropped: number;
  /** Calls of scripts, by name. */
  readonly scripts: Readonly<Record<string, number>>;
}

type Direction = "in" | "out";

/** What arrives. The hub implements it; no method may throw. */
export interface BackplaneSink {
  /**
   * A message for local members. Stored messages of one channel MUST arrive in the order of their offsets,
   * each once, on the node that published them too. Ephemeral ones MUST NOT arrive at their origin.
   * The sink MUST NOT append to the same channel before it returns, or later ones overtake this one.
   * @returns how many connections it was handed to
   */
  deliver(message: Message | StoredMessage): number;
  /** A receiver's cursor has moved. MUST reach every node that watches the channel's acks. */
  acknowledged(channel: Channel, user: string, offset: number): void;
  /** The channel's history was lost; it goes on from this position. MUST reach every node with members. */
  lost(channel: Channel, position: Position): void;
  /** A user came online, or is offline after the grace time. Once per change, on every node, each user's in order. */
  presence(user: string, online: boolean): void;
  /** Something to do on this node. @returns how many connections it concerned */
  command(command: Command): Promise<number>;
  /** A failure that no caller waits for. */
  report(stage: string, error: unknown): void;
}

/** The way of messages. */
export interface Broker {
  /**
   * Hands an ephemeral message to the other nodes that have members of its channel. At most once.
   * @returns how many nodes that are
   */
  relay(message: Message): number | Promise<number>;
  /**
   * Appends to the channel's history, gives the next offset, delivers to every node with members.
   * With a key, a repeat within the idempotency window appends and delivers nothing, and answers
   * with the first message's place (`duplicate: true`), also when both come at the same time.
   * Appends to one channel that are called one after another keep their order, without waiting for the promises.
   * Keys share one space with `claim`: when the first was ephemeral, the answer has its receipt and the offset 0.
   */
  append(message: Message, key?: string): Promise<Appended>;
  /**
   * The same promise for a message that is not stored. `receipt` is what to answer repeats with until it is settled.
   * @returns undefined for the first itself; for a repeat the receipt of the first, or its own while that is not known
   */
  claim(key: string, receipt: StoredReceipt): Promise<StoredReceipt | undefined>;
  /** Remembers what the first publish under this key was answered with; the last call wins. */
  settle(key: string, receipt: StoredReceipt): Promise<void>;
  /** Part of a channel's history, oldest first. MUST answer from retention: nothing over its count or age. */
  history(channel: Channel, query: HistoryQuery): Promise<HistoryPage>;
  /**
   * Where each channel stands now: epoch and last offset (0 when empty), in the order asked. The position of a channel
   * without messages MUST stay valid when its first message comes.
   */
  positions(channels: readonly Channel[]): Promise<Position[]>;
  /** The first local connection of this user has joined the group. */
  join(group: string, user: string): Promise<void>;
  /** The last local connection of this user has left the group. */
  leave(group: string, user: string): Promise<void>;
}

/** The receipt of a first publish as the backplane keeps it for repeats: opaque JSON text. */
export type StoredReceipt = string;

export interface Appended extends Position {
  readonly id: string;
  readonly timestamp: number;
  /** How many receivers it was handed to: connections on this node, and nodes for the rest. */
  readonly receivers: number;
  readonly duplicate: boolean;
  /** For a duplicate: what the first was answered with, once that is known. */
  readonly receipt?: StoredReceipt;
}

/** `after`: upwards from an offset. `before`: the newest page below an offset (default: the end). */
export type HistoryQuery = { after: number; limit: number } | { before?: number; limit: number };

export interface HistoryPage {
  readonly epoch: string;
  /** The lowest offset still retained; `last + 1` when there is none. */
  readonly first: number;
  /** The highest offset ever given; 0 when there was none. */
  readonly last: number;
  readonly messages: readonly StoredMessage[];
}

/** The last offset each device has acknowledged. */
export interface Cursors {
  /** Where this device stands on the channels, in the order asked; undefined where it is new. */
  read(user: string, device: string, channels: readonly Channel[]): Promise<(Position | undefined)[]>;
  /**
   * Moves a cursor forward, never back, and tells the watchers.
   * @returns the cursor. Rejects with `bad_request` beyond the last offset, `conflict` for another epoch
   */
  move(
    user: string,
    device: string,
    channel: Channel,
    to: { offset: number; epoch?: string },
  ): Promise<number>;
  /**
   * Asks for `acknowledged` of a channel on this node until the returned function is called.
   * MUST hold for every message whose `append` is called after it, without waiting for the promise.
   */
  watch(channel: Channel): Promise<() => void>;
}

/** Durable membership of groups: who belongs, online or not. */
export interface Memberships {
  add(group: string, user: string): Promise<void>;
  remove(group: string, user: string): Promise<void>;
  groupsOf(user: string): Promise<string[]>;
  membersOf(group: string): Promise<string[]>;
}

/** Rules on a user's connections, decided atomically over the whole cluster. */
export interface ConnectionRules {
  /** @default 0 // unlimited */
  readonly maxPerUser: number;
  readonly perUserPolicy: "reject" | "kick_oldest";
  readonly onePerPlatform: boolean;
}

/** Who is online, where, on which platforms. */
export interface Presence {
  /**
   * Registers a connection, unless the rules refuse it. The `evicted` ones, oldest first, are not counted from here on;
   * the caller ends them.
   */
  arrive(connection: ConnectionInfo, rules: ConnectionRules): Promise<Admission>;
  /** Does nothing for a connection that is not registered (any more). */
  depart(connection: ConnectionInfo): Promise<void>;
  /** Oldest first. */
  connectionsOf(user: string): Promise<ConnectionInfo[]>;
  /**
   * Users online, a page in a stable order; `cursor` continues and is absent at the end. Whoever is online throughout is
   * listed exactly once. Rejects with `bad_request` for a cursor that no page gave.
   */
  online(page: { limit: number; cursor?: string }): Promise<OnlinePage>;
  /** Users online and their connections. O(1). */
  count(): Promise<{ users: number; connections: number }>;
  /** Users of whom at least one connection has joined the group. */
  inGroup(group: string): Promise<string[]>;
}

export type Admission = { admitted: true; evicted: readonly ConnectionInfo[] } | { admitted: false };

export interface OnlineUser {
  readonly user: string;
  readonly connections: number;
  readonly platforms: readonly string[];
}

export interface OnlinePage {
  readonly users: readonly OnlineUser[];
  readonly cursor?: string;
}

export interface NodeInfo {
  readonly id: string;
  /** The address under which others reach this node, as the registry shows it. */
  readonly ip: string;
  readonly port: number;
  /** Connections on this node now. */
  connections(): number;
}

export interface NodeStatus {
  readonly id: string;
  readonly ip: string;
  readonly port: number;
  readonly status: "active" | "draining";
  readonly connections: number;
}

/** The nodes, and what one can ask of another. */
export interface Cluster {
  nodes(): Promise<NodeStatus[]>;
  /** Marks this node as closing, so that nobody counts on it. */
  drain(): Promise<void>;
  /** Runs a command on every node that has connections of its user. @returns the sum of the answers */
  command(command: Command): Promise<number>;
}

/** What one node may ask of another. */
export type Command =
  | {
      readonly kind: "kick";
      readonly user: string;
      readonly cause: "kicked" | "replaced";
      /** Only this connection. */
      readonly connection?: string;
      /** Only connections on this platform. */
      readonly platform?: string;
      readonly reason?: string;
      readonly notice?: unknown;
    }
  | { readonly kind: "join" | "leave"; readonly user: string; readonly group: string };

export type { ConnectionInfo };
