import {
  type ActionName,
  type AnyMessage,
  type Channel,
  channelOf,
  type EventMessage,
  type EventName,
  groupChannel,
  type HistoryPage,
  type Positions,
  type Push,
  type Receipt,
  type ReplyOf,
  type RequestInput,
  type Target,
  TidingsError,
  type UndeclaredName,
  type Welcome,
} from "../protocol/protocol.ts";
import type { SocketState } from "./connection/socket.ts";
import { Listeners, type Status, StatusListeners, type Unsubscribe } from "./connection/status.ts";
import { Acks } from "./messages/acks.ts";
import type { Joined, JoinOptions, MembersPage, MembersQuery } from "./messages/groups.ts";
import { Groups } from "./messages/groups.ts";
import type { HistoryQuery } from "./messages/history.ts";
import { type EVERY_TYPE, MessageListeners } from "./messages/listeners.ts";
import type { Outgoing, RequestArguments, RequestOptions, SendOptions } from "./messages/message.ts";
import { Ordering } from "./messages/ordering.ts";
import {
  type Online,
  type PresenceEvent,
  type PresenceQuery,
  PresenceWatch,
  type WatchedPresence,
  type WatchQuery,
} from "./messages/presence.ts";
import { Progress } from "./messages/progress.ts";
import { Recovery } from "./messages/recovery.ts";
import { type Saved, SavedPositions } from "./messages/saved-positions.ts";
import { assertTarget, Sending } from "./messages/sending.ts";
import type { ClientOptions } from "./options.ts";
import { type CallOptions, quiet, type RestRequest, Session } from "./session/session.ts";

/**
 * One user on one device. Made by {@link connect}.
 * @typeParam Declared what the application declares: `typeof api` of `defineApi`, or an interface that maps types of messages to their data
 */
export class Client<Declared extends object = Record<string, unknown>> {
  /** Resolves with the first welcome. Rejects when the client is closed, or refused for good, before it. */
  readonly ready: Promise<Welcome>;
  readonly #options: ClientOptions;
  readonly #statuses = new StatusListeners();
  readonly #presences: Listeners<PresenceEvent>;
  readonly #messages: MessageListeners;
  readonly #progress: Progress;
  readonly #ordering: Ordering;
  readonly #session: Session;
  readonly #recovery: Recovery;
  readonly #sending: Sending;
  readonly #groups: Groups;
  readonly #presence: PresenceWatch;
  readonly #acks: Acks;
  readonly #saved: SavedPositions;
  /** Positions that a former page of this tab had saved, until the welcome says whose they are. */
  #restored: Saved | undefined;
  #welcome: Welcome | undefined;
  #resolveReady!: (welcome: Welcome) => void;
  #rejectReady!: (error: TidingsError) => void;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.ready = quiet(
      new Promise((resolve, reject) => {
        this.#resolveReady = resolve;
        this.#rejectReady = reject;
      }),
    );
    const report = (error: unknown): void => this.#statuses.report("listener", error);
    this.#presences = new Listeners(report);
    this.#session = this.#makeSession();
    const { timers } = this.#session;
    this.#messages = new MessageListeners({
      timers,
      timeoutMs: options.listenerTimeoutMs,
      failed: report,
      unhandled: (message) => this.#statuses.emit({ type: "unhandled", message }),
    });
    this.#progress = new Progress((channel, position) => {
      // Nothing is replayed from a cursor of `all`, so thousands of clients need not acknowledge a broadcast.
      if (options.autoAck && channel !== "all") this.#acks.add(channel, position);
    });
    this.#saved = new SavedPositions(
      options,
      () => this.#welcome && { user: this.#welcome.user, positions: this.positions },
    );
    this.#ordering = this.#makeOrdering();
    this.#recovery = new Recovery(this.#session, this.#ordering);
    this.#sending = new Sending(this.#session, options.timeoutMs);
    this.#groups = new Groups(this.#session, this.#ordering);
    this.#presence = new PresenceWatch(this.#session, (event) => this.#presences.emit(event));
    this.#acks = new Acks(this.#session);
    queueMicrotask(() => this.#session.start());
  }

  /** `connecting`, `open`, `waiting` for the next attempt, `paused` by the application, or `closed` for good. */
  get state(): SocketState {
    return this.#session.state;
  }

  /** User of the last welcome. Undefined before the first. */
  get user(): string | undefined {
    return this.#welcome?.user;
  }

  /** Id of the last connection. Undefined before the first. */
  get connection(): string | undefined {
    return this.#welcome?.connection;
  }

  /**
   * Positions up to which messages are handled, by channel. In a listener they include the message that it gets. An
   * application that stores them and passes them to `connect` later recovers from there.
   */
  get positions(): Positions {
    return this.#progress.bound(this.#ordering.positions());
  }

  /**
   * Listens to messages of one type, or with `"*"` of all types. Each stored message arrives once, in the order of its
   * channel. A stored message without a listener is kept for the first one, for 60 s, 1,000 at most; notices of edits are not.
   *
   * A message counts as handled, and is acknowledged, when its listeners have ended, their promises included. A promise
   * that rejects leads to two further calls with the message. Then, and when a listener throws, the client emits the
   * status `error`.
   */
  on<Type extends EventName<Declared>>(
    type: Type,
    listener: (message: EventMessage<Declared, Type>) => unknown,
  ): Unsubscribe;
  on(type: typeof EVERY_TYPE, listener: (message: AnyMessage<Declared>) => unknown): Unsubscribe;
  on(type: string, listener: (message: never) => unknown): Unsubscribe {
    // The application declares the data of each type. The client cannot check it.
    return this.#messages.add(type, listener as (message: Push) => unknown);
  }

  /** Listens to everything except messages and presence: connections, losses, notices, errors. */
  onStatus(listener: (status: Status) => void): Unsubscribe {
    return this.#statuses.add(listener);
  }

  /** Listens to the users of {@link watchPresence}: who comes online, and who goes offline. */
  onPresence(listener: (event: PresenceEvent) => void): Unsubscribe {
    return this.#presences.add(listener);
  }

  /**
   * Connects now: ends the wait for the next attempt, and the states `paused`. On an open connection it demands a proof
   * of life within 5 s, and reconnects without it.
   *
   * @throws TidingsError `unavailable` when the client is closed
   */
  connect(): void {
    if (this.state === "closed") throw closedByApplication();
    this.#session.connect();
  }

  /** Ends the connection until {@link connect}, and rejects pending calls with `unavailable`. Later calls wait. */
  disconnect(): void {
    this.#acks.flush();
    this.#session.pause(new TidingsError("unavailable", "not connected"));
  }

  /** Ends the connection until {@link resume}. Pending and later calls wait, positions and groups stay. */
  pause(): void {
    this.#acks.flush();
    this.#session.pause();
  }

  /** Ends a pause: connects now and continues after the last message. */
  resume(): void {
    if (this.state === "paused") this.connect();
  }

  /**
   * Sends a message and resolves with its receipt. A stored message waits for a connection. When the connection ends
   * before the receipt, or is dead, the client sends the message again with the same key, and it is stored once. An
   * ephemeral message waits for no connection and is never sent again.
   *
   * Rejects with the server's error, or with `timeout`, `too_large`, `bad_request`, the reason of the `signal`, or
   * `unavailable`: queue full, or client closed. A rejection that nobody awaits ends no program.
   */
  send(message: Outgoing<Declared>, options: SendOptions = {}): Promise<Receipt> {
    return quiet(this.#sending.send(message, options));
  }

  /**
   * Requests an action of the application and resolves with its reply. Without a connection the request waits for one.
   * Rejects with the server's error, or with `timeout`, `too_large` or `unavailable`.
   *
   * @typeParam Reply without a declaration: type of the handler's return value, which the client cannot check
   */
  request<Name extends ActionName<Declared>>(
    action: Name,
    ...given: RequestArguments<RequestInput<Declared, Name>>
  ): Promise<ReplyOf<Declared, Name>>;
  request<Reply = unknown>(
    action: UndeclaredName<Declared>,
    data?: unknown,
    options?: RequestOptions,
  ): Promise<Reply>;
  request(
    action: string,
    data?: unknown,
    { idempotent = false, ...options }: RequestOptions = {},
  ): Promise<never> {
    // The declaration, or the caller, knows the handler.
    return this.#session.request(action, data, { idempotent, ...options }) as Promise<never>;
  }

  /** Joins a group, on this connection and all later ones. Rejects with `forbidden` when the policy denies it. */
  join(group: string, options?: JoinOptions): Promise<Joined> {
    return quiet(this.#groups.join(group, options));
  }

  /** Leaves a group, on this connection and all later ones. */
  leave(group: string, options?: CallOptions): Promise<void> {
    // Only a member can acknowledge the group's messages.
    this.#acks.flush();
    const channel = groupChannel(group);
    const left = this.#groups.leave(group, options).then(() => {
      this.#acks.forget(channel);
      this.#progress.forget(channel);
    });
    return quiet(left);
  }

  /** Lists a page of the members of a group. */
  members(group: string, { signal, ...page }: MembersQuery = {}): Promise<MembersPage> {
    return this.#session.request("group.members", { group, ...page }, { signal }) as Promise<MembersPage>; // as the protocol says
  }

  /** Reads a page of a channel's history. */
  history(query: HistoryQuery = {}, options?: CallOptions): Promise<HistoryPage<Declared>> {
    return this.#session.request("message.history", query, options) as Promise<HistoryPage<Declared>>; // as the protocol says
  }

  /** Finds the users or group members who are online. Without a selection: the first 100 users, and `count` of all. */
  presence(query: PresenceQuery = {}, options?: CallOptions): Promise<{ online: Online; count: number }> {
    const reply = this.#session.request("presence.get", query, options);
    return reply as Promise<{ online: Online; count: number }>; // as the protocol says
  }

  /** Watches users until `stop`, also after reconnects, and resolves with those who are online. {@link onPresence} tells of changes. */
  watchPresence(query: WatchQuery, options?: CallOptions): Promise<WatchedPresence> {
    return quiet(this.#presence.watch(query, options));
  }

  /**
   * Acknowledges a stored message and all earlier ones of its channel. Needed only with `autoAck: false`.
   * The client collects acknowledgements and repeats them after a reconnect.
   *
   * @throws TidingsError `bad_request` for `to` or `group` that is undefined
   */
  ack(message: Target & { readonly offset?: number }): void {
    assertTarget(message);
    const { offset } = message;
    if (offset === undefined) return;
    const channel = channelOf(message);
    this.#acks.add(channel, { ...this.#ordering.position(channel), offset });
  }

  /** Closes for good and rejects pending calls with `unavailable`. Resolves when the connection is closed. */
  async close(): Promise<void> {
    if (this.state === "closed") return;
    this.#acks.flush();
    const error = closedByApplication();
    const closed = this.#session.close(error);
    this.#over(error);
    this.#messages.clear();
    this.#statuses.emit({ type: "closed", code: 1000, reason: "", willRetry: false });
    await closed;
  }

  #makeOrdering(): Ordering {
    this.#restored = this.#saved.load();
    const events = {
      deliver: (push: Push) => this.#deliver(push),
      lost: (channel: Channel) => this.#statuses.emit({ type: "lost", channel }),
      gap: (channel: Channel) => void this.#recovery.fill(channel),
    };
    const { positions } = this.#restored ?? this.#options;
    return new Ordering(events, positions, this.#restored !== undefined);
  }

  #makeSession(): Session {
    return new Session(this.#options, this.#statuses, {
      resume: (fits) => this.#ordering.login(fits),
      rest: () => this.#ordering.rest.map((channel) => this.#restRequest(channel)),
      welcomed: (welcome) => {
        // Another user may have logged in in this tab.
        if (this.#restored && this.#restored.user !== welcome.user) this.#ordering.clear();
        this.#restored = undefined;
        this.#welcome = welcome;
        this.#resolveReady(welcome);
      },
      online: () => {
        this.#groups.online();
        void this.#presence.online();
        this.#acks.flush();
      },
      push: (push) => this.#ordering.receive(push),
      position: (frame) => {
        this.#groups.confirm(frame.channel);
        this.#ordering.move(frame);
      },
      presence: (frame) => this.#presence.receive(frame),
      ended: (final) => {
        this.#ordering.disconnected();
        this.#groups.ended();
        if (final) this.#over(final);
      },
    });
  }

  /** The request that continues a channel from a position which the login had no room for. */
  #restRequest(channel: Channel): RestRequest {
    const position = this.#ordering.position(channel);
    return channel.startsWith("group:")
      ? { action: "group.join", data: { group: channel.slice("group:".length), position } }
      : { action: "message.resume", data: { channel, ...position } };
  }

  #over(error: TidingsError): void {
    this.#saved.close();
    this.#rejectReady(error);
  }

  #deliver(push: Push): void {
    // A listener may have closed the client while held messages are delivered.
    if (this.state === "closed") return;
    const handling = this.#messages.dispatch(push);
    const { offset } = push;
    const channel = channelOf(push);
    if (offset !== undefined)
      this.#progress.add(channel, { ...this.#ordering.position(channel), offset }, handling);
  }
}

const closedByApplication = (): TidingsError => new TidingsError("unavailable", "the client is closed");
