import type { Channel } from "./channel.ts";
import type { ErrorCode } from "./errors.ts";

/** WebSocket subprotocol of the native dialect: JSON text, one document per WebSocket message. */
export const DIALECT = "tidings.v1";

/** Position of a device on a channel: it has all messages up to `offset` of the history with this `epoch`. */
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
  /** The sending user. Absent when the application sent it. */
  from?: string;
  to?: string;
  group?: string;
  id: string;
  offset?: number;
}

/** The first frame from the server. */
export interface Welcome {
  event: "welcome";
  protocol: typeof DIALECT;
  connection: string;
  user: string;
  platform: string;
  node: string;
  /** Interval of the server's pings, in milliseconds. */
  heartbeatMs: number;
  /** End of the login unless it is renewed, in milliseconds since 1970. */
  expiresAt?: number;
  limits: { messageBytes: number };
}

/**
 * The `channel` continues after `offset`. `recovered: false`: messages after the client's position are lost.
 * `missed: true`: messages up to `offset` may have been dropped on the way to this connection. The client requests those
 * after its own position.
 */
export interface PositionFrame extends Position {
  event: "position";
  channel: Channel;
  recovered: boolean;
  missed?: true;
}

/** Information for the client, usually before the server closes the connection. */
export interface Notice {
  event: "notice";
  code: string;
  message: string;
  data?: unknown;
  /** With the code `drain`: the client's delay before it reconnects, in milliseconds. */
  reconnectMs?: number;
}

/** A watched user came online or went offline. */
export interface PresenceFrame {
  event: "presence";
  user: string;
  online: boolean;
}

export interface Pong {
  type: "pong";
}

/** Id of a request or message, chosen by the client: a whole number from 0, or a string of 1–128 characters. */
export type RequestId = number | string;

export interface ReplyFrame {
  id: RequestId;
  data: unknown;
}

/** An error reply. `id` is absent when the input had no valid id. */
export interface ErrorFrame {
  id?: RequestId;
  error: {
    code: ErrorCode;
    message: string;
    /** Milliseconds after which an equal request may succeed; absent when it is not known. */
    retryAfterMs?: number;
  };
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

/** Types that a message cannot have. All other frames of the protocol carry `event` and no `type`. */
export const RESERVED_TYPES: ReadonlySet<string> = new Set(["ping", "pong"]);

/**
 * Result of a message. `offline`: not stored, and no receiver was online. `stored`: in the history, and not delivered
 * to any connection yet. `delivered`: to at least one connection, or to a node that has one. `acked`: acknowledged by
 * the receiver.
 */
export type ReceiptState = "offline" | "stored" | "routed" | "delivered" | "acked";

/** The reply to a message. */
export interface Receipt {
  readonly state: ReceiptState;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Epoch and offset in the channel's history. Absent for an ephemeral message. */
  readonly epoch?: string;
  readonly offset?: number;
  /** Number of connections of this node, plus other nodes, that got the message. */
  readonly connections: number;
  /** A duplicate of an idempotency key: nothing was sent, and this is the first receipt. */
  readonly duplicate?: true;
}

/** A message that a client publishes. */
export interface ClientMessage {
  kind: "message";
  /** Form of the reply with the receipt. Absent: the server replies only with errors. */
  answer?: RequestForm;
  type: string;
  data: unknown;
  to?: string;
  group?: string;
  ephemeral: boolean;
  /** Reply only after the receiver's acknowledgement, or after `timeoutMs`. */
  ack: boolean;
  timeoutMs?: number;
  /** Idempotency key. A duplicate within the window gets the first receipt. */
  key?: string;
}

/** Form of a request and of its reply. */
export type RequestForm =
  | { form: "native"; id: RequestId }
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
