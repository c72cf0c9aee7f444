import type { Channel } from "./channel.ts";
import type { ErrorCode } from "./errors.ts";

/** The native dialect: JSON text, one document per WebSocket message. Its name as a WebSocket subprotocol. */
export const DIALECT = "tidings.v1";

/** Where a device stands on a channel: it has everything up to `offset` of the history named `epoch`. */
export interface Position {
  epoch: string;
  offset: number;
}

/** Positions by channel name. */
export type Positions = Partial<Record<Channel, Position>>;

/** A delivered message. `to` a user, `group`, or neither for everyone; `offset` only when it was stored. */
export interface Push {
  type: string;
  data: unknown;
  /** Milliseconds since 1970, the server's clock. */
  timestamp: number;
  /** The user who sent it; absent when the application did. */
  from?: string;
  to?: string;
  group?: string;
  id: string;
  offset?: number;
}

/** The first frame from the server. */
export interface Welcome {
  type: "welcome";
  protocol: typeof DIALECT;
  connection: string;
  user: string;
  platform: string;
  node: string;
  /** How often the server pings, in milliseconds. */
  heartbeatMs: number;
  /** When the login ends unless it is renewed, in milliseconds since 1970. */
  expiresAt?: number;
  limits: { messageBytes: number };
}

/** From here on `channel` continues after `offset`. `recovered: false`: what lay between is lost. */
export interface PositionFrame extends Position {
  type: "position";
  channel: Channel;
  recovered: boolean;
}

/** Something the client should know, most often just before the server closes. */
export interface Notice {
  type: "notice";
  code: string;
  message: string;
  data?: unknown;
  /** With the code `drain`: how long this client should wait before it reconnects. */
  reconnectMs?: number;
}

/** A watched user came online or went offline. */
export interface PresenceFrame {
  type: "presence";
  user: string;
  online: boolean;
}

export interface Pong {
  type: "pong";
}

export interface ReplyFrame {
  id: number;
  data: unknown;
}

/** `id` is absent when the input was too broken to have one. */
export interface ErrorFrame {
  id?: number;
  error: { code: ErrorCode; message: string };
}

export type ServerFrame =
  | Push
  | Welcome
  | PositionFrame
  | Notice
  | PresenceFrame
  | Pong
  | ReplyFrame
  | ErrorFrame;

/** Types of frames that are the protocol's own; a message cannot have one of them. */
export const RESERVED_TYPES: ReadonlySet<string> = new Set([
  "welcome",
  "position",
  "notice",
  "presence",
  "ping",
  "pong",
]);

/**
 * What became of a message. `offline`: nobody was there and it is not stored. `stored`: it is in the history and
 * nobody is known to have it. `delivered`: handed to at least one connection or to a node that has one.
 * `acked`: the receiver has acknowledged it.
 */
export type ReceiptState = "offline" | "stored" | "delivered" | "acked";

/** The answer to a message. */
export interface Receipt {
  readonly state: ReceiptState;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** The place in the channel's history; absent for an ephemeral message. */
  readonly epoch?: string;
  readonly offset?: number;
  /** Connections of this node, and other nodes, that it was handed to. */
  readonly connections: number;
  /** The idempotency key was known: nothing was sent, this is the first receipt. */
  readonly duplicate?: true;
}

/** A message that a client publishes. */
export interface ClientMessage {
  kind: "message";
  /** Where the receipt goes; without it only a failure is answered. */
  answer?: RequestForm;
  type: string;
  data: unknown;
  to?: string;
  group?: string;
  ephemeral: boolean;
  /** Answer only when the receiver has acknowledged, or after `timeoutMs`. */
  ack: boolean;
  timeoutMs?: number;
  /** Idempotency key: a repeat within the window is answered with the first receipt. */
  key?: string;
}

/** How a request was written, and so how it is answered. */
export type RequestForm =
  | { form: "native"; id: number }
  | { form: "module"; module: string; action: string; id?: unknown };

export interface ClientRequest {
  kind: "request";
  /** `module.action` */
  action: string;
  data: unknown;
  answer: RequestForm;
}

export interface ClientPing {
  kind: "ping";
}

export type ClientFrame = ClientMessage | ClientRequest | ClientPing;
