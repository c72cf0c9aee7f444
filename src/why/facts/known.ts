/** What is known when a user asks why: what each node tells of itself, and what all of them share. */
import type { Channel, ConnectionInfo } from "../../protocol/protocol.ts";
import type { Incident, RecordedMessage } from "../recorder/recorder.ts";

/** What is asked: about a message, about a user, or why this user has not got this message. */
export interface WhyQuery {
  /** Id of a message. */
  readonly message?: string | undefined;
  readonly user?: string | undefined;
  /** A group whose messages the user misses, or to which the message went. */
  readonly group?: string | undefined;
}

/** What one node is asked. */
export interface NodeQuestion {
  readonly message?: string | undefined;
  readonly user?: string | undefined;
  /** Channels that matter: that of the message, or all that the user may hear. */
  readonly channels: readonly Channel[];
}

/** A connection of the user that is open. */
export interface OpenConnection {
  readonly id: string;
  readonly user: string;
  readonly node: string;
  readonly platform: string;
  readonly device: string;
  /** Milliseconds since 1970, by the clock of the nodes. */
  readonly connectedAt: number;
  readonly address: string;
  /** The channels asked about that it receives. */
  readonly receives: readonly Channel[];
  /** Those of them that are being replayed to it. */
  readonly replaying: readonly Channel[];
  /** Groups asked about that the policy does not let it join, with the reason. */
  readonly denied: readonly { readonly channel: Channel; readonly reason: string }[];
  /** Content of its send queue. */
  readonly pendingMessages: number;
  readonly pendingBytes: number;
  /** For how long its socket has taken nothing, in milliseconds; 0: it takes everything. */
  readonly stalledMs: number;
}

/** What a node tells of itself. */
export interface NodeFacts {
  readonly node: string;
  /** False without a flight recorder. */
  readonly isRecording: boolean;
  /** Time of the oldest message that the recorder has; undefined without one. */
  readonly since?: number | undefined;
  /** True when this process has published the message. */
  readonly isPublisher: boolean;
  /** The message that is asked about. */
  readonly message?: RecordedMessage | undefined;
  /** Connections of this node that receive its channel now. */
  readonly receivers: number;
  /** The last messages to the channels, the newest first. */
  readonly latest: readonly RecordedMessage[];
  /** Incidents of the user, of the message and of the channels, the newest first. */
  readonly incidents: readonly Incident[];
  readonly connections: readonly OpenConnection[];
}

/** A node, and what it told, or why it told nothing. */
export type NodeReply =
  | { readonly node: string; readonly facts: NodeFacts; readonly error?: undefined }
  | { readonly node: string; readonly facts?: undefined; readonly error: string };

/** Where a message stands in the history of its channel. */
export interface HistoryFacts {
  /** `retained`: it is there. `deleted`: its data is not. `lost`: another history has taken the place of the one that it was in. */
  readonly state: "retained" | "deleted" | "trimmed" | "expired" | "lost";
  readonly first: number;
  readonly last: number;
}

/** A device, and how far it has acknowledged the channel of the message. */
export interface DeviceCursor {
  readonly user: string;
  readonly device: string;
  /** Undefined: nothing. */
  readonly offset: number | undefined;
}

/** What all nodes share about the user. */
export interface UserFacts {
  readonly user: string;
  /** Connections in the whole cluster, also those of nodes that do not answer. */
  readonly connections: readonly ConnectionInfo[];
  /** For how long the user is still blocked, in milliseconds; 0: not at all. */
  readonly blockedMs: number;
  /** Groups among the channels asked about of which the user is a durable member. */
  readonly durable: readonly Channel[];
}

/** A message, and what is known of it apart from the nodes. */
export interface Traced {
  readonly record: RecordedMessage;
  /** False when only the history has it: no recorder remembers what the nodes did with it. */
  readonly isRecorded: boolean;
  /** Of a stored message. */
  readonly history?: HistoryFacts | undefined;
  /** Of a stored message: the devices of the user that are known. */
  readonly cursors: readonly DeviceCursor[];
}

export interface Facts {
  readonly query: WhyQuery;
  /** Milliseconds since 1970, by the clock of the nodes. */
  readonly now: number;
  readonly nodes: readonly NodeReply[];
  /** The message that is asked about, if any node knows it; without such a question the last messages to the user. */
  readonly messages: readonly Traced[];
  /** Of the user who is asked about, or to whom alone the message went. */
  readonly user?: UserFacts | undefined;
}
