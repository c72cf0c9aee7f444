import type { ConnectionName, GroupCount, MembersPage, MembersQuery } from "./members/members.ts";
import type { ConnectionInfo, HistoryPage, SentEvents } from "./protocol/protocol.ts";
import type { HistoryQuery, Receipt, Retry } from "./publish/publish.ts";

/** The application's message types and their data, declared once: `{ chat: { text: string } }`. */
export type EventMap = Record<string, unknown>;

/** A message as the application sends it. Everything about it stands in it, as on the wire and in HTTP. */
export type Outgoing<Declared extends object> = OutgoingOf<SentEvents<Declared>>;

type OutgoingOf<Events> = {
  [Type in keyof Events & string]: { readonly type: Type } & DataField<Events[Type]> & DeliveryFields;
}[keyof Events & string];

/** Any JSON value. Optional where its type allows `undefined`. */
type DataField<Data> = undefined extends Data
  ? { readonly data?: Data | undefined }
  : { readonly data: Data };

/** Fields of a message that say how it is delivered. */
export interface DeliveryFields {
  /** User in whose name the application sends the message. @default none */
  readonly from?: string | undefined;
  /** At most once, without history and offset. @default false */
  readonly ephemeral?: boolean | undefined;
  /** Wait for the receiver's acknowledgement. Needs a single user and a stored message. @default false */
  readonly ack?: boolean | undefined;
  /** Idempotency key: a duplicate within the window sends nothing and gets the first receipt. @default none */
  readonly key?: string | undefined;
  /** Timeout of the acknowledgement, in milliseconds. @default 5_000 // 5 s */
  readonly timeoutMs?: number | undefined;
  /** Wait for the reports of other nodes: the receipt has the `total` of all nodes. @default false */
  readonly count?: boolean | undefined;
}

/** How a call behaves; nothing of it is sent. */
export interface SendOptions {
  /** Ends the call with the signal's reason. A message that was published by then stays published. */
  readonly signal?: AbortSignal | undefined;
  /** Repeat after a retryable failure, under one idempotency key. @default no retry */
  readonly retry?: Retry | undefined;
}

/** One operation of a batch: a message, or an order about a user. */
export type Operation<Declared extends object = EventMap> =
  | (Outgoing<Declared> & MessageOperation)
  | ({ readonly op: "kick"; readonly user: string } & KickOptions)
  | {
      readonly op: "join";
      readonly user: string;
      readonly group: string;
      /** Stored messages that the user's present connections get first: so many of the newest, or those since a time in ms. */
      readonly last?: number;
      readonly since?: number;
    }
  | { readonly op: "leave"; readonly user: string; readonly group: string };

type MessageOperation = (
  | { readonly op: "send"; readonly to?: string | undefined; readonly group?: string | undefined }
  | { readonly op: "broadcast" }
) & {
  /** Only to connections on these platforms. */
  readonly platforms?: readonly string[] | undefined;
  /** Not to these connections. */
  readonly except?: readonly string[] | undefined;
};

/** One or more channels to send to. Narrowing it gives a new audience. */
export interface Audience<Declared extends object, Sent = Receipt> {
  /** Leaves out these connections, for instance the one that caused the message. Holds for live delivery. */
  except(...connections: string[]): Audience<Declared, Sent>;

  /** Sends only to connections on these platforms. */
  platforms(...platforms: string[]): Audience<Declared, Sent>;

  /**
   * Publishes a message.
   * @throws TidingsError `bad_request` for a bad type or data, `unavailable` while the backplane is unavailable
   */
  send(message: Outgoing<Declared>, options?: SendOptions): Promise<Sent>;
}

export interface KickOptions {
  /** Text for the close frame and the notice. @default the words of close code 4501 */
  readonly reason?: string | undefined;
  /** Data of the notice that the client gets before the close: any JSON value. */
  readonly notice?: unknown;
  /** Only connections on this platform. @default all */
  readonly platform?: string | undefined;
}

/** The outcome of a kick so far, and of other commands to the connections of a user. */
export interface KickResult {
  /** Connections that were closed (or asked about), on the nodes that answered. */
  readonly connections: number;
  /** Nodes with connections of the user that have not answered. 0: done everywhere. */
  readonly unconfirmed: number;
}

/** One user on all devices, on every node. */
export interface UserAudience<Declared extends object> extends Audience<Declared> {
  /**
   * Closes the user's connections for good: the SDK does not reconnect. A node that does not answer closes them when it
   * continues, and counts as `unconfirmed`.
   * @throws TidingsError `unavailable` while the backplane is unavailable
   */
  kick(options?: KickOptions): Promise<KickResult>;

  /** Reads the newest page of the user's history, as {@link GroupAudience.history} does. */
  history(query?: HistoryQuery): Promise<HistoryPage<Declared>>;

  /**
   * Closes the user's connections for good (4506), and refuses logins, and requests to endpoints, on all nodes until the time is over. A later block replaces this one.
   * @param ms a whole number of milliseconds, at most 100 years; 0 ends a block
   * @throws TidingsError `bad_request` for another number, `unavailable` while the backplane is unavailable
   */
  block(ms: number, options?: Pick<KickOptions, "reason" | "notice">): Promise<KickResult>;

  /**
   * Asks the policy for the rights of all the user's connections again, after the application has changed them. A connection
   * leaves the groups that the user may no longer join, and watches nobody whose presence is hidden now.
   * @throws TidingsError `unavailable` while the backplane is unavailable
   */
  refresh(): Promise<KickResult>;

  /** Lists the user's connections on all nodes, oldest first. */
  connections(): Promise<ConnectionInfo[]>;

  /** True with a connection on any node, and in the grace period after the last one. */
  isOnline(): Promise<boolean>;

  /** Lists the groups of which the user is a durable member, by name. */
  groups(): Promise<string[]>;
}

/** Stored messages that a connection gets when it joins: the last ones, those since a time, or those that are both. */
export interface RewindOptions {
  /** Number of messages. */
  readonly last?: number;
  /** Milliseconds since 1970, or a date. */
  readonly since?: number | Date;
}

/** A group of users, on every node. */
export interface GroupAudience<Declared extends object> extends Audience<Declared> {
  /**
   * Reads the newest page of the group's history before an offset, oldest first.
   * @throws TidingsError `rate_limited` for a `reader` for whom it reads too much, `unavailable` while the backplane is unavailable
   */
  history(query?: HistoryQuery): Promise<HistoryPage<Declared>>;

  /**
   * Lists a page of the group's members: first those who are online, in the order of their joins, then durable ones.
   * @throws TidingsError `bad_request` for a limit outside 1 to 1,000, or a cursor that no page gave
   */
  members(page?: MembersQuery): Promise<MembersPage>;

  /** Counts the members who are online, and the durable ones. O(1). */
  count(): Promise<GroupCount>;

  /**
   * Sets the data that a user carries in the group until the user leaves it. The last write wins, also over the user's own.
   * @param data any JSON value of at most 1 KiB
   * @returns false when no connection of the user has joined
   * @throws TidingsError `bad_request` for data that are no JSON, `too_large` beyond 1 KiB
   */
  setData(user: string, data: unknown): Promise<boolean>;

  /**
   * Makes the user a durable member: joined now, and at every later login with the missed messages.
   * @param rewind stored messages that the user's present connections get first. @default none
   * @throws TidingsError `bad_request` when the user cannot be an id, and for a rewind that is none
   */
  add(user: string, rewind?: RewindOptions): Promise<void>;

  /**
   * Ends the user's membership on all connections.
   * @throws TidingsError `bad_request` when the user cannot be an id
   */
  remove(user: string): Promise<void>;

  /**
   * Joins one connection, on whatever node it is, for as long as it lasts. The policy is not asked, also not by a refresh.
   * @param connection such as the one of a hook or an action
   * @param rewind stored messages that come before the live ones. @default none
   * @returns false when there is no such connection (any more)
   * @throws TidingsError `bad_request` for a rewind that is none, `unavailable` while the backplane is unavailable, or its node
   * does not answer
   */
  join(connection: ConnectionName, rewind?: RewindOptions): Promise<boolean>;

  /** Makes one connection leave. A durable member joins again at the next login. @see join */
  leave(connection: ConnectionName): Promise<boolean>;
}

/** Several users, each on the own channel. */
export interface UsersAudience<Declared extends object> extends Audience<Declared, readonly Receipt[]> {
  /**
   * Publishes a message to each user. The data is encoded once, and ephemeral messages cost half of as many single
   * sends. Receipts come in the order of the users. An idempotency key counts for each user separately.
   * @throws TidingsError the first error, as {@link Audience.send}; the other users get the message
   */
  send(message: Outgoing<Declared>, options?: SendOptions): Promise<readonly Receipt[]>;
}
