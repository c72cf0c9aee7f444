import {
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
  type Target,
  TidingsError,
  type Welcome,
} from "../protocol/protocol.ts";
import type { Ending, SocketState } from "./connection/socket.ts";
import { type Status, StatusListeners, type Unsubscribe } from "./connection/status.ts";
import { Acks } from "./messages/acks.ts";
import { Groups, type Joined, type Member } from "./messages/groups.ts";
import type { HistoryQuery } from "./messages/history.ts";
import { type EVERY_TYPE, MessageListeners } from "./messages/listeners.ts";
import type { Outgoing, RequestOptions, SendOptions } from "./messages/message.ts";
import { Ordering } from "./messages/ordering.ts";
import { type Online, type PresenceQuery, PresenceWatch, type WatchQuery } from "./messages/presence.ts";
import { Recovery } from "./messages/recovery.ts";
import { Sending } from "./messages/sending.ts";
import { type ClientOptions, type ConnectOptions, resolveOptions } from "./options.ts";
import { endedBy, type RestRequest, Session } from "./session/session.ts";

/**
 * Connects to a hub and reconnects until {@link Client.close}, or until the server closes with a final code.
 * The first attempt starts after the present task, so listeners that are added at once miss nothing.
 *
 * An open client keeps a Node process alive. A closed one leaves nothing behind.
 *
 * @example
 * interface Events { chat: { text: string } }
 * const client = connect<Events>("wss://example.com/ws", { token: fetchToken });
 * client.on("chat", ({ from, data }) => show(from, data.text));
 * await client.send({ type: "chat", to: "bob", data: { text: "Hello" } });
 *
 * @throws TidingsError `bad_request` when the URL is not valid, or there is no WebSocket class
 */
export function connect<Events extends object = Record<string, unknown>>(
  url: string | URL,
  options: ConnectOptions = {},
): Client<Events> {
  return new Client<Events>(resolveOptions(url, options));
}

/** One user on one device. Made by {@link connect}. */
export class Client<Events extends object = Record<string, unknown>> {
  /** Resolves with the first welcome. Rejects when the client is closed, or refused for good, before it. */
  readonly ready: Promise<Welcome>;
  readonly #options: ClientOptions;
  readonly #statuses = new StatusListeners();
  readonly #messages = new MessageListeners((error) => this.#statuses.report("listener", error));
  readonly #ordering: Ordering;
  readonly #session: Session;
  readonly #recovery: Recovery;
  readonly #sending: Sending;
  readonly #groups: Groups;
  readonly #presence: PresenceWatch;
  readonly #acks: Acks;
  #welcome: Welcome | undefined;
  #resolveReady: (welcome: Welcome) => void = () => {};
  #rejectReady: (error: TidingsError) => void = () => {};

  constructor(options: ClientOptions) {
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    // Not every application awaits it, and the failure is a status too.
    this.ready.catch(() => {});
    this.#ordering = this.#makeOrdering();
    this.#session = this.#makeSession();
    const failed = (error: unknown): void => this.#statuses.report("server", error);
    this.#recovery = new Recovery(this.#session, this.#ordering, failed);
    this.#sending = new Sending(this.#session, options.timeoutMs);
    this.#groups = new Groups(this.#session, this.#ordering, failed);
    const changed = (user: string, online: boolean): void =>
      this.#statuses.emit({ type: "presence", user, online });
    this.#presence = new PresenceWatch(this.#session, changed, failed);
    this.#acks = new Acks(this.#session, failed);
    queueMicrotask(() => this.#session.start());
  }

  /** `connecting`, `open`, `waiting` for the next attempt, or `closed` for good. */
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
   * Positions of the client on its channels. In a listener they include the message that it gets. An application that
   * stores them and passes them to `connect` later recovers from there.
   */
  get positions(): Positions {
    return this.#ordering.positions();
  }

  /**
   * Listens to messages of one type, or with `"*"` of all types. Each stored message arrives once, in the order of its
   * channel. Add listeners before the client connects, because messages are not kept for later ones.
   *
   * When a listener throws or its promise rejects, the client emits the status `error`. The message counts as handled.
   */
  on<Type extends EventName<Events>>(
    type: Type,
    listener: (message: EventMessage<Events, Type>) => unknown,
  ): Unsubscribe;
  on(type: typeof EVERY_TYPE, listener: (message: AnyMessage<Events>) => unknown): Unsubscribe;
  on(type: string, listener: (message: never) => unknown): Unsubscribe {
    // The application declares the data of each type in `Events`. The client cannot check it.
    return this.#messages.add(type, listener as (message: Push) => unknown);
  }

  /** Listens to everything except messages: connections, losses, notices, presence, errors. */
  onStatus(listener: (status: Status) => void): Unsubscribe {
    return this.#statuses.add(listener);
  }

  /**
   * Sends a message and resolves with its receipt. A stored message waits for a connection. When the connection ends
   * before the receipt, the client sends the message again with the same key, and it is stored once. An ephemeral
   * message waits for no connection and is never sent again.
   *
   * Rejects with the server's error, or with `timeout`, `too_large`, or `unavailable`: queue full, or client closed.
   */
  send(message: Outgoing<Events>, options: SendOptions = {}): Promise<Receipt> {
    return this.#sending.send(message, options);
  }

  /**
   * Requests an action of the application and resolves with its reply. Without a connection the request waits for one.
   * Rejects with the server's error, or with `timeout`, `too_large` or `unavailable`.
   *
   * @typeParam Reply type of the handler's return value, which the client cannot check
   */
  async request<Reply = unknown>(
    action: string,
    data?: unknown,
    options: RequestOptions = {},
  ): Promise<Reply> {
    const reply = await this.#session.request(action, data, { idempotent: false, ...options });
    return reply as Reply; // the caller knows the handler
  }

  /** Joins a group, on this connection and all later ones. Rejects with `forbidden` when the policy denies it. */
  join(group: string): Promise<Joined> {
    return this.#groups.join(group);
  }

  /** Leaves a group, on this connection and all later ones. */
  async leave(group: string): Promise<void> {
    // Only a member can acknowledge the group's messages.
    this.#acks.flush();
    await this.#groups.leave(group);
    this.#acks.forget(groupChannel(group));
  }

  /** Lists the members of a group. */
  members(group: string): Promise<Member[]> {
    return this.#groups.members(group);
  }

  /** Reads a page of a channel's history. */
  async history(query: HistoryQuery = {}): Promise<HistoryPage<Events>> {
    return (await this.#session.request("message.history", query)) as HistoryPage<Events>; // as the protocol says
  }

  /** Finds the users or group members who are online. Without a selection: the first 100 users, and `count` of all. */
  async presence(query: PresenceQuery = {}): Promise<{ online: Online; count: number }> {
    const reply = await this.#session.request("presence.get", query);
    return reply as { online: Online; count: number }; // as the protocol says
  }

  /** Resolves with the selected users who are online. Changes follow as status `presence`, also after reconnects. */
  watchPresence(query: WatchQuery): Promise<Online> {
    return this.#presence.watch(query);
  }

  /**
   * Acknowledges a stored message and all earlier ones of its channel. Needed only with `autoAck: false`.
   * The client collects acknowledgements and repeats them after a reconnect.
   */
  ack(message: Target & { readonly offset?: number }): void {
    const { offset } = message;
    if (offset === undefined) return;
    const channel = channelOf(message);
    this.#acks.add(channel, { epoch: this.#ordering.position(channel)?.epoch, offset });
  }

  /** Closes for good and rejects pending calls with `unavailable`. Resolves when the connection is closed. */
  close(): Promise<void> {
    if (this.state === "closed") return Promise.resolve();
    this.#acks.flush();
    const closed = this.#session.close();
    this.#rejectReady(new TidingsError("unavailable", "the client is closed"));
    this.#statuses.emit({ type: "closed", code: 1000, reason: "", willRetry: false });
    return closed;
  }

  #makeOrdering(): Ordering {
    return new Ordering(
      {
        deliver: (push) => this.#deliver(push),
        lost: (channel) => this.#statuses.emit({ type: "lost", channel }),
        gap: (channel) => void this.#recovery.fill(channel),
      },
      this.#options.positions,
    );
  }

  #makeSession(): Session {
    return new Session(this.#options, this.#statuses, {
      resume: (fits) => this.#ordering.login(fits),
      rest: () => this.#ordering.leftOut.map((channel) => this.#restRequest(channel)),
      welcomed: (welcome) => {
        this.#welcome = welcome;
        this.#resolveReady(welcome);
      },
      online: () => this.#online(),
      push: (push) => this.#ordering.receive(push),
      position: (frame) => {
        this.#groups.confirm(frame.channel);
        this.#ordering.move(frame);
      },
      presence: ({ user, online }) => this.#presence.update(user, online),
      ended: (ending) => this.#ended(ending),
    });
  }

  /** The request that continues a channel from a position which the login had no room for. */
  #restRequest(channel: Channel): RestRequest {
    const position = this.#ordering.position(channel);
    return channel.startsWith("group:")
      ? { action: "group.join", data: { group: channel.slice("group:".length), position } }
      : { action: "message.resume", data: { channel, ...position } };
  }

  #online(): void {
    this.#groups.online();
    void this.#presence.online();
    this.#acks.flush();
  }

  #ended({ code, reason, willRetry }: Ending): void {
    this.#ordering.disconnected();
    this.#groups.ended();
    if (!willRetry) this.#rejectReady(endedBy(code, reason));
  }

  #deliver(push: Push): void {
    // A listener may have closed the client while held messages are delivered.
    if (this.state === "closed") return;
    this.#messages.dispatch(push);
    // Nothing is replayed from a cursor of `all`, so thousands of clients need not acknowledge a broadcast.
    if (this.#options.autoAck && channelOf(push) !== "all") this.ack(push);
  }
}

export type {
  AnyMessage,
  Channel,
  ErrorCode,
  EventMessage as Message,
  EventName,
  HistoryPage,
  Position,
  Positions,
  Receipt,
  ReceiptState,
  Target,
  Welcome,
} from "../protocol/protocol.ts";
export { isErrorCode, TidingsError } from "../protocol/protocol.ts";
export type { BackoffOptions } from "./connection/backoff.ts";
export type { SocketState } from "./connection/socket.ts";
export type { ErrorStage, Status, Unsubscribe } from "./connection/status.ts";
export type { WebSocketConstructor, WebSocketLike } from "./connection/web-socket.ts";
export type { Joined, Member } from "./messages/groups.ts";
export type { HistoryQuery } from "./messages/history.ts";
export type { DeliveryFields, Outgoing, RequestOptions, SendOptions } from "./messages/message.ts";
export type { Online, PresenceQuery, WatchQuery } from "./messages/presence.ts";
export type { ConnectOptions, TokenSource } from "./options.ts";
