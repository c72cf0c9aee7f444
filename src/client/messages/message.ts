import type { ErrorCode, Push } from "../../protocol/protocol.ts";

/** The message types of `Events`, an interface that maps each to its data: `{ chat: { text: string } }`. */
export type EventName<Events> = keyof Events & string;

/** A delivered message of one type. */
export type Message<Events, Type extends EventName<Events>> = Omit<Push, "type" | "data"> & {
  readonly type: Type;
  readonly data: Events[Type];
};

/** A delivered message of any of the types; `type` tells which. */
export type AnyMessage<Events> = { [Type in EventName<Events>]: Message<Events, Type> }[EventName<Events>];

/** A message to send. Its audience is `to` one user, a `group`, or with neither everyone. */
export type Outgoing<Events> = {
  [Type in EventName<Events>]: { readonly type: Type } & DataField<Events[Type]> & Audience;
}[EventName<Events>];

/** `data` may be left out where its type allows `undefined`. */
type DataField<Data> = undefined extends Data ? { readonly data?: Data } : { readonly data: Data };

type Audience =
  | { readonly to: string; readonly group?: undefined }
  | { readonly group: string; readonly to?: undefined }
  | { readonly to?: undefined; readonly group?: undefined };

export interface SendOptions {
  /** Wait until the receiver has acknowledged. Needs `to`, and a message that is stored. @default false */
  ack?: boolean;
  /**
   * How long to wait, in milliseconds: with `ack` for the acknowledgement (at most 60,000; then the receipt says
   * `stored`), without it for the receipt. The time that the message waits for a connection does not count.
   * @default 5_000 // with `ack`; without it the `timeoutMs` of the client
   */
  timeoutMs?: number;
  /** Do not store: at most once, and refused with `unavailable` while there is no connection. @default false */
  ephemeral?: boolean;
  /** Idempotency key, 1–128 characters. @default a random one, for messages that are stored */
  key?: string;
}

export interface RequestOptions {
  /** How long to wait for the reply, in milliseconds, from now. @default 10_000 // 10 s */
  timeoutMs?: number;
  /**
   * The action may be done twice without harm: a request that is unanswered when the connection breaks is sent
   * again on the next one. Otherwise it rejects with `unavailable`. @default false
   */
  idempotent?: boolean;
}

/** A frame of any kind as it came: nothing about it is known until it is looked at. */
export interface InboundFrame {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly data?: unknown;
  readonly error?: { readonly code?: ErrorCode; readonly message?: string };
}
