import type { Push } from "../../protocol/protocol.ts";
import type { CallOptions } from "../session/session.ts";

/** The message types of `Events`, an interface that maps each type to its data: `{ chat: { text: string } }`. */
export type EventName<Events> = keyof Events & string;

/** A delivered message of one type. */
export type Message<Events, Type extends EventName<Events>> = Omit<Push, "type" | "data"> & {
  readonly type: Type;
  readonly data: Events[Type];
};

/** A delivered message of any type. Its `type` narrows its `data`. */
export type AnyMessage<Events> = { [Type in EventName<Events>]: Message<Events, Type> }[EventName<Events>];

/** A message to send: `to` one user, to a `group`, or with neither to everyone. */
export type Outgoing<Events> = {
  [Type in EventName<Events>]: { readonly type: Type } & DataField<Events[Type]> & Audience;
}[EventName<Events>];

/** `data` is optional where its type allows `undefined`. */
type DataField<Data> = undefined extends Data ? { readonly data?: Data } : { readonly data: Data };

type Audience =
  | { readonly to: string; readonly group?: undefined }
  | { readonly group: string; readonly to?: undefined }
  | { readonly to?: undefined; readonly group?: undefined };

export interface SendOptions extends CallOptions {
  /** Wait for the receiver's acknowledgement. Requires `to` and a stored message. @default false */
  ack?: boolean | undefined;
  /**
   * Timeout in milliseconds: with `ack` of the acknowledgement (at most 60,000; then the receipt says `stored`),
   * otherwise of the receipt. It counts on a connection that is alive. A deadline for everything is a `signal`.
   * @default 5_000 // with `ack`; otherwise the client's `timeoutMs`
   */
  timeoutMs?: number | undefined;
  /** Do not store the message: at most once, and rejected with `unavailable` without a connection. @default false */
  ephemeral?: boolean | undefined;
  /** Idempotency key, 1–255 characters. @default a random one for stored messages */
  key?: string | undefined;
}

export interface RequestOptions extends CallOptions {
  /** Timeout of the reply in milliseconds, which includes the wait for a connection. @default 10_000 // 10 s */
  timeoutMs?: number | undefined;
  /**
   * The action has the same effect when it runs twice, so the client repeats it on the next connection when the present
   * one ends before the reply. Otherwise the request rejects with `unavailable`. @default false
   */
  idempotent?: boolean | undefined;
}
