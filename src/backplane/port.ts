import type { Channel, Position } from "../protocol/protocol.ts";
import type { Broker, Reached } from "./broker.ts";
import type { Adjustable, Cluster, Command, NodeInfo } from "./cluster.ts";
import type { Cursors } from "./cursors.ts";
import type { Health } from "./health.ts";
import type { Idempotency } from "./idempotency.ts";
import type { Message, StoredMessage } from "./message.ts";
import type { Presence } from "./presence.ts";
import type { Memberships, RoomChange, Rooms, Routes } from "./rooms.ts";
import type { Traffic } from "./traffic.ts";

/**
 * Port to the other nodes and to everything that is kept: one interface, sibling implementations, and one contract
 * suite (src/testing/contract/contract.ts) that runs against all of them. The key words are those of RFC 2119.
 *
 * Every method that returns a promise rejects with a TidingsError `unavailable` while the backplane is unavailable.
 */
export interface Backplane {
  /** Name of the implementation in health reports and metrics. */
  readonly name: string;
  readonly broker: Broker;
  readonly idempotency: Idempotency;
  readonly routes: Routes;
  readonly cursors: Cursors;
  readonly memberships: Memberships;
  readonly presence: Presence;
  readonly rooms: Rooms;
  readonly cluster: Cluster;
  /** Milliseconds since 1970, by the clock that all nodes share: timestamps of messages are of this clock. */
  readonly now: () => number;
  /** Abilities of the backplane now, and its degraded parts. Any part of the node may report to it. */
  readonly health: Health;
  /** Counts of messages between the nodes. Absent where there is one node only. */
  readonly traffic?: Traffic;

  /** Registers the node in the cluster. From here on the sink is called. */
  start(node: NodeInfo, sink: BackplaneSink): Promise<void>;
  /**
   * Takes the node out of the cluster and releases everything. The sink MUST NOT be called afterwards.
   * @throws TidingsError `unavailable` when the backplane could not reach the other nodes. Everything is released all
   * the same, and the other nodes declare this one dead after a timeout
   */
  stop(): Promise<void>;
  /** Resolves after a real round trip (publish and receive); rejects when that fails. */
  probe(): Promise<void>;
}

/** Receiver of everything that arrives from the backplane. The hub implements it; no method may throw. */
export interface BackplaneSink {
  /**
   * Delivers a message to local members and listeners. Stored messages of one channel MUST arrive in the order of their offsets,
   * each once, on the publishing node too. Ephemeral messages MUST NOT arrive at their origin.
   * The sink MUST NOT append to the same channel before it returns, or later messages overtake this one.
   * @returns the connections that the message reached
   */
  deliver(message: Message | StoredMessage): Reached;
  /** A receiver's cursor has moved. MUST reach every node that watches the channel's acks. */
  acknowledged(channel: Channel, user: string, offset: number): void;
  /** The channel's history was lost and continues after this position. MUST reach every node with members, or that listens. */
  lost(channel: Channel, position: Position): void;
  /** A user came online, or is offline after the grace period. Once per change, on every node, in order per user. */
  presence(user: string, online: boolean): void;
  /**
   * Calls of `presence` may be missing. MUST be called at the start, and after each outage in which events may have been
   * lost, as soon as presence can be read and events arrive again. Not where no event can be lost.
   * @param isSettled false while other nodes may have connections that the backplane does not know: a user who seems offline
   * may be online. It is asked after each reading, because data may be lost at any time. `presenceMissed` MUST be called again
   * once that is over
   */
  presenceMissed(isSettled: () => boolean): void;
  /** A change in a group that this node watches. In order per group; `presenceMissed` tells when some may be missing. */
  room(change: RoomChange): void;
  /**
   * A group has its first joined user, or has lost its last one. On one node only: where the change came from, or where a dead
   * node was cleared up after. At most once.
   */
  occupied(group: string, isOccupied: boolean): void;
  /** Runs a command on this node. @returns how many connections it concerned */
  command(command: Command): Promise<number>;
  /** Answers a question of any node, this one included. It MUST NOT reject. */
  asked(question: string): Promise<string>;
  /** A setting has a new value, or this node has just learned its value. MUST reach every node, once per change. */
  adjusted(name: Adjustable, value: string): void;
  /** A failure that no caller waits for. */
  report(stage: string, error: unknown): void;
}

// One door to all concepts of the port, for the implementations and for backplane.ts.
export type { ConnectionInfo } from "../protocol/protocol.ts";
export type { Appended, Broker, HistoryPage, HistoryQuery, Reached, Tallied } from "./broker.ts";
export { NOBODY } from "./broker.ts";
export type {
  Addressee,
  Adjustable,
  AtOnce,
  Cluster,
  Command,
  CommandResult,
  NodeInfo,
  NodeStatus,
} from "./cluster.ts";
export { ADJUSTABLE } from "./cluster.ts";
export type { Cursors } from "./cursors.ts";
export type { Ability, Degradable, Degradation, Health, HealthEvent } from "./health.ts";
export { ABILITIES, createHealth, DEGRADABLE } from "./health.ts";
export type { Idempotency, StoredReceipt } from "./idempotency.ts";
export type {
  Admission,
  BlockedPage,
  BlockedUser,
  ConnectionRules,
  OnlinePage,
  OnlineUser,
  Presence,
  PresenceView,
} from "./presence.ts";
export {
  type JoinData,
  MAX_MEMBER_BYTES,
  type Memberships,
  type RoomChange,
  type RoomMember,
  type RoomPage,
  type RoomQuery,
  type Rooms,
  type Routes,
} from "./rooms.ts";
export { MENDINGS, type Mending, type Traffic } from "./traffic.ts";
