import type { SentEvents } from "../../protocol/protocol.ts";
import type { CallOptions } from "../session/session.ts";

/**
 * A message to send: `to` one user, to a `group`, or with neither to everyone. Everything about it stands in it, as on
 * the wire.
 */
export type Outgoing<Declared> = OutgoingOf<SentEvents<Declared>>;

type OutgoingOf<Events> = {
  [Type in keyof Events & string]: { readonly type: Type } & DataField<Events[Type]> &
    Audience &
    DeliveryFields;
}[keyof Events & string];

/** `data` is optional where its type allows `undefined`. */
type DataField<Data> = undefined extends Data
  ? { readonly data?: Data | undefined }
  : { readonly data: Data };

type Audience =
  | { readonly to: string; readonly group?: undefined }
  | { readonly group: string; readonly to?: undefined }
  | { readonly to?: undefined; readonly group?: undefined };

/** Fields of a message that say how it is delivered. */
export interface DeliveryFields {
  /** Do not store the message: at most once, and rejected with `unavailable` without a connection. @default false */
  readonly ephemeral?: boolean | undefined;
  /**
   * Wait for the receiver's acknowledgement. Requires `to` and a stored message. One that comes after the timeout is told by the
   * status `acked`. @default false
   */
  readonly ack?: boolean | undefined;
  /** Idempotency key, 1–255 characters. @default a random one for stored messages */
  readonly key?: string | undefined;
  /**
   * Timeout in milliseconds: with `ack` of the acknowledgement (at most 60,000; then the receipt says `stored`),
   * otherwise of the receipt. It counts on a connection that is alive. A deadline for everything is a `signal`.
   * @default 5_000 // with `ack`; otherwise the client's `timeoutMs`
   */
  readonly timeoutMs?: number | undefined;
  /** The receipt has the `total` of all nodes. @default false */
  readonly count?: boolean | undefined;
  /** False: this connection does not get the message, though it is a member. @default true */
  readonly echo?: boolean | undefined;
  /**
   * The user's other connections get a copy, with `recipient`, on the user's own channel: it is stored there, too. Requires `to`.
   * @default false
   */
  readonly copy?: boolean | undefined;
}

/** How a call behaves; nothing of it is sent. A message that was sent before the signal stays sent. */
export type SendOptions = CallOptions;

export interface RequestOptions extends CallOptions {
  /** Timeout of the reply in milliseconds, which includes the wait for a connection. @default 10_000 // 10 s */
  timeoutMs?: number | undefined;
  /**
   * The action has the same effect when it runs twice, so the client repeats it on the next connection when the present
   * one ends before the reply. Otherwise the request rejects with `unavailable`. @default false
   */
  idempotent?: boolean | undefined;
}

/** Arguments of a request after its name. The data is optional where its type allows `undefined`. */
export type RequestArguments<Input> = undefined extends Input
  ? [data?: Input, options?: RequestOptions]
  : [data: Input, options?: RequestOptions];
