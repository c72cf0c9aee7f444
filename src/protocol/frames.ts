import type { ReceivedEvents } from "./api/inferred.ts";
import type { Channel } from "./channel.ts";
import type { ErrorCode } from "./errors.ts";

/** WebSocket subprotocol of the native dialect: JSON text, one document per WebSocket message. */
export const DIALECT = "tidings.v1";

/** Position of a device on a channel: it has all messages up to `offset` of the history with this `epoch`. */
export interface Position {
  epoch: string;
  offset: number;
  /**
   * Id of the message at this offset, in positions that a client gives. By it the server recognises a history that was
   * restored to an older state and has another message there now.
   */
  id?: string | undefined;
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
  /** The user to whom you sent it from another device. Only on a copy. */
  recipient?: string;
  /** Time of the last edit, in milliseconds since 1970. Only in pages of a history, and on what is replayed. */
  editedAt?: number;
  /** Time of the deletion. `data` is null then. Only in pages of a history. */
  deletedAt?: number;
}

/** Types of the notices that tell of an edit and a deletion. */
export const EDITED = "message.edited";
export const DELETED = "message.deleted";

/** True for the type of a notice. */
export const isNotice = (type: string): boolean => type === EDITED || type === DELETED;

/** Data of a notice of the type `message.deleted`: the message that was deleted. */
export interface DeletedMessage {
  /** Offset of the message in the channel of its notice. */
  readonly offset: number;
  readonly id: string;
  readonly type: string;
}

/** Data of a notice of the type `message.edited`. */
export interface EditedMessage extends DeletedMessage {
  /** The new data. */
  readonly data: unknown;
}

/**
 * The message types that an application declares: with `defineApi`, or by an interface that maps each type to its data:
 * `{ chat: { text: string } }`.
 */
export type EventName<Declared> = keyof (ReceivedEvents<Declared> & NoticeEvents) & string;

/** Types of the notices that tell of edits and deletions, with their data. They need no declaration. */
interface NoticeEvents {
  "message.edited": EditedMessage;
  "message.deleted": DeletedMessage;
}

/** A delivered message of one type. */
export type EventMessage<Declared, Type extends EventName<Declared>> = Omit<Push, "type" | "data"> & {
  readonly type: Type;
  readonly data: (ReceivedEvents<Declared> & NoticeEvents)[Type];
};

/** A delivered message of any type. Its `type` narrows its `data`. */
export type AnyMessage<Declared> = {
  [Type in EventName<Declared>]: EventMessage<Declared, Type>;
}[EventName<Declared>];

/** A message of a history, which has no notices among its messages. */
type PublishedMessage<Declared> = {
  [Type in keyof ReceivedEvents<Declared> & string]: EventMessage<Declared, Type & EventName<Declared>>;
}[keyof ReceivedEvents<Declared> & string];

/** A page of a channel's history. */
export interface HistoryPage<Declared = Record<string, unknown>> {
  readonly epoch: string;
  /** Oldest first, as they were edited. */
  readonly messages: readonly PublishedMessage<Declared>[];
  /** True when there are older messages. A page of large messages is shorter than its limit. */
  readonly more: boolean;
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
 * after its own position. `missed: false`: nothing up to `offset` is missing, as in a channel that keeps its newest message only.
 */
export interface PositionFrame extends Position {
  event: "position";
  channel: Channel;
  recovered: boolean;
  missed?: boolean;
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

/** The receiver has acknowledged a message after its sender's timeout. */
export interface AckedFrame {
  event: "acked";
  /** Id of the message. */
  id: string;
  to: string;
  epoch: string;
  offset: number;
}

/** A watched user came online or went offline. */
export interface PresenceFrame {
  event: "presence";
  user: string;
  online: boolean;
}

/** A change of a user who is in a watched group. */
export interface RoomMemberChange {
  readonly change: "join" | "update" | "leave";
  readonly user: string;
  /** Data of the user in the group after the change. */
  readonly data?: unknown;
}

/** Changes of the users who have joined a watched group. */
export interface RoomFrame {
  event: "room";
  group: string;
  /** Users who have joined now. */
  count: number;
  /** The list begins anew with the changes of this frame. */
  reset?: true;
  changes: readonly RoomMemberChange[];
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
  | AckedFrame
  | PresenceFrame
  | RoomFrame
  | Pong
  | ReplyFrame
  | ErrorFrame;

/**
 * Types that a message cannot have when it is published. All other frames of the protocol carry `event` and no `type`. Listeners of the SDK name all types
 * by `*`.
 */
export const RESERVED_TYPES: ReadonlySet<string> = new Set(["ping", "pong", "*", EDITED, DELETED]);

/**
 * State of a message, as far as it is known. `offline`: not stored, and no connection was there for it. `stored`: in the history, and no
 * connection was there for it. `routed`: sent to other nodes only; whether a connection took it there is not known.
 * `delivered`: at least one connection took it. `acked`: acknowledged by the receiver. `dropped`: the send queues of all
 * its connections were full; a stored one (with `offset`) reaches them later, from the history.
 */
export type ReceiptState = "offline" | "stored" | "routed" | "delivered" | "acked" | "dropped";

/** The reply to a message. */
export interface Receipt {
  readonly state: ReceiptState;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Epoch and offset in the channel's history. Absent for an ephemeral message. */
  readonly epoch?: string;
  readonly offset?: number;
  /** Connections of this node that took the message. */
  readonly connections: number;
  /** Other nodes to which it was sent. What became of it there is known only from `total` and `acked`. */
  readonly nodes: number;
  /** Connections of all nodes that took it, of the nodes that answered in time. Only with `ack` or `count`. */
  readonly total?: number;
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
  /** The data as the client wrote it: `data` has numbers that are rounded. Absent in the older form. */
  body?: string | undefined;
  to?: string;
  group?: string;
  ephemeral: boolean;
  /** Reply only after the receiver's acknowledgement, or after `timeoutMs`. */
  ack: boolean;
  timeoutMs?: number;
  /** Idempotency key. A duplicate within the window gets the first receipt. */
  key?: string;
  /** The receipt has the `total` of all nodes. */
  count: boolean;
  /** False: not for the connection that sends it. */
  echo: boolean;
  /** The other connections of the sender get a copy. */
  copy: boolean;
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
  /** In `message.edit`: the new data as JSON text, as its sender wrote it. Absent in the older form. */
  body?: string | undefined;
  answer: RequestForm;
}

export interface ClientPing {
  kind: "ping";
}

export type ClientFrame = ClientMessage | ClientRequest | ClientPing;
