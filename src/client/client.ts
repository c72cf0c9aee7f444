import type { Receipt, Target, Welcome } from "../protocol/protocol.ts";
import {
  type Channel,
  channelOf,
  groupChannel,
  type Positions,
  type Push,
  TidingsError,
} from "../protocol/protocol.ts";
import type { Ending, SocketState } from "./connection/socket.ts";
import { type Status, StatusListeners, type Unsubscribe } from "./connection/status.ts";
import { Acks } from "./messages/acks.ts";
import { Groups, type Joined, type Member } from "./messages/groups.ts";
import { type EVERY_TYPE, MessageListeners } from "./messages/listeners.ts";
import type {
  AnyMessage,
  EventName,
  Message,
  Outgoing,
  RequestOptions,
  SendOptions,
} from "./messages/message.ts";
import { Ordering } from "./messages/ordering.ts";
import { type Online, type PresenceQuery, PresenceWatch, type WatchQuery } from "./messages/presence.ts";
import { Recovery } from "./messages/recovery.ts";
import { Sending } from "./messages/sending.ts";
import { type ClientOptions, type ConnectOptions, resolveOptions } from "./options.ts";
import { endedBy, Session } from "./session/session.ts";

/** A page of a channel's history, oldest first; `more` when there are older messages. */
export interface HistoryPage<Events> {
  readonly epoch: string;
  readonly messages: readonly AnyMessage<Events>[];
  readonly more: boolean;
}

export interface HistoryQuery {
  /** @default the user's own channel */
  channel?: Channel;
  /** Only messages below this offset. @default from the newest on */
  before?: number;
  /** 1–200. @default 50 */
  limit?: number;
}

/**
 * Connects to a hub, and stays connected until {@link Client.close}, or until the server says that it is final.
 * Connecting starts after the present task, so listeners that are added at once see everything.
 *
 * An open client keeps a Node process alive; a closed one leaves nothing behind.
 *
 * @example
 * interface Events { chat: { text: string } }
 * const client = connect<Events>("wss://example.com/ws", { token: fetchToken });
 * client.on("chat", ({ from, data }) => show(from, data.text));
 * await client.send({ type: "chat", to: "bob", data: { text: "Hello" } });
 *
 * @throws TidingsError `bad_request` when the URL is none, or there is no WebSocket
 */
export function connect<Events extends object = Record<string, unknown>>(
  url: string | URL,
  options: ConnectOptions = {},
): Client<Events> {
  return new Client<Events>(resolveOptions(url, options));
}

/** One user on one device. Made by {@link connect}. */
export class Client<Events extends object = Record<string, unknown>> {
  /** Resolves with the first welcome; rejects when the client is closed, or refused for good, before it. */
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
  #becomeReady: (welcome: Welcome) => void = () => {};
  #failToBeReady: (error: TidingsError) => void = () => {};

  constructor(options: ClientOptions) {
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#failToBeReady = reject;
    });
    // Not everyone waits for it; the failure is a status too.
    this.ready.catch(() => {});
    const failed = (error: unknown): void => this.#statuses.report("server", error);
    this.#ordering = new Ordering(
      {
        deliver: (push) => this.#deliver(push),
        lost: (channel) => this.#statuses.emit({ type: "lost", channel }),
        gap: (channel) => void this.#recovery.fill(channel),
      },
      options.positions,
    );
    this.#session = this.#makeSession();
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

  /** The user of the last welcome; undefined before the first. */
  get user(): string | undefined {
    return this.#welcome?.user;
  }

  /** The id of the last connection; undefined before the first. */
  get connection(): string | undefined {
    return this.#welcome?.connection;
  }

  /**
   * Where the client stands on its channels, by now: in a listener, with the message it was called for. An application
   * that stores them and gives them to `connect` later goes on from there.
   */
  get positions(): Positions {
    return this.#ordering.positions();
  }

  /**
   * Listens to messages of one type, or with `"*"` to all. Stored messages come once, in the order of their channel.
   * Listeners should be there before the client connects: what comes before them is not kept for them.
   * One that throws, or whose promise rejects, is told as status `error`; the message counts as handled.
   */
  on<Type extends EventName<Events>>(
    type: Type,
    listener: (message: Message<Events, Type>) => unknown,
  ): Unsubscribe;
  on(type: typeof EVERY_TYPE, listener: (message: AnyMessage<Events>) => unknown): Unsubscribe;
  on(type: string, listener: (message: never) => unknown): Unsubscribe {
    // The application declares in `Events` what is sent as which type; nothing can check it here.
    return this.#messages.add(type, listener as (message: Push) => unknown);
  }

  /** Listens to everything that is no message: connections, losses, notices, presence, errors. */
  onStatus(listener: (status: Status) => void): Unsubscribe {
    return this.#statuses.add(listener);
  }

  /**
   * Sends a message. Without a connection it waits for one, and when the connection breaks before the receipt came, it is
   * sent again with the same key, so that it is stored once; ephemeral messages do neither.
   * Rejects with the server's error, or `timeout`, `too_large`, or `unavailable`: no room to wait, or closed.
   */
  send(message: Outgoing<Events>, options: SendOptions = {}): Promise<Receipt> {
    return this.#sending.send(message, options);
  }

  /**
   * Requests an action of the application and waits for its reply. Without a connection the request waits for one.
   * Rejects with a `TidingsError`: the server's, or `timeout`, `too_large`, `unavailable`.
   *
   * @typeParam Reply what the handler returns; the client cannot check it
   */
  async request<Reply = unknown>(
    action: string,
    data?: unknown,
    options: RequestOptions = {},
  ): Promise<Reply> {
    const reply = await this.#session.request(action, data, { idempotent: false, ...options });
    return reply as Reply; // the caller knows the handler
  }

  /** Joins a group, on this and all further connections. Rejects with `forbidden` by the policy. */
  join(group: string): Promise<Joined> {
    return this.#groups.join(group);
  }

  async leave(group: string): Promise<void> {
    // What was received as a member can only be acknowledged by one.
    this.#acks.flush();
    await this.#groups.leave(group);
    this.#acks.forget(groupChannel(group));
  }

  members(group: string): Promise<Member[]> {
    return this.#groups.members(group);
  }

  async history(query: HistoryQuery = {}): Promise<HistoryPage<Events>> {
    return (await this.#session.request("message.history", query)) as HistoryPage<Events>; // as the protocol says
  }

  /** Who of the users or the group is online; with neither the first 100 of all, and `count` is of all. */
  async presence(query: PresenceQuery = {}): Promise<{ online: Online; count: number }> {
    const reply = await this.#session.request("presence.get", query);
    return reply as { online: Online; count: number }; // as the protocol says
  }

  /** Who of them is online now; changes follow as status `presence`, over all further connections. */
  watchPresence(query: WatchQuery): Promise<Online> {
    return this.#presence.watch(query);
  }

  /**
   * Acknowledges a stored message, and all before it on its channel. Needed with `autoAck: false` only.
   * Acknowledgements are collected, and repeated after a reconnect.
   */
  ack(message: Target & { readonly offset?: number }): void {
    const { offset } = message;
    if (offset === undefined) return;
    const channel = channelOf(message);
    this.#acks.add(channel, { epoch: this.#ordering.position(channel)?.epoch, offset });
  }

  /** Closes for good. What waits is rejected with `unavailable`. Resolves when the connection is closed. */
  close(): Promise<void> {
    if (this.state === "closed") return Promise.resolve();
    this.#acks.flush();
    const closed = this.#session.close();
    this.#failToBeReady(new TidingsError("unavailable", "the client is closed"));
    this.#statuses.emit({ type: "closed", code: 1000, reason: "", willRetry: false });
    return closed;
  }

  #makeSession(): Session {
    return new Session(this.#options, this.#statuses, {
      resume: () => this.#ordering.login(),
      welcomed: (welcome) => {
        this.#welcome = welcome;
        this.#becomeReady(welcome);
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

  #online(): void {
    this.#groups.online();
    void this.#presence.online();
    this.#acks.flush();
  }

  #ended({ code, reason, willRetry }: Ending): void {
    this.#ordering.disconnected();
    this.#groups.ended();
    if (!willRetry) this.#failToBeReady(endedBy(code, reason));
  }

  #deliver(push: Push): void {
    // A listener may have closed the client while held messages are being released.
    if (this.state === "closed") return;
    this.#messages.dispatch(push);
    // Nothing is ever replayed from a cursor of `all`, so that thousands need not acknowledge a broadcast.
    if (this.#options.autoAck && channelOf(push) !== "all") this.ack(push);
  }
}

export type {
  Channel,
  ErrorCode,
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
export type { Joined, Member } from "./messages/groups.ts";
export type {
  AnyMessage,
  EventName,
  Message,
  Outgoing,
  RequestOptions,
  SendOptions,
} from "./messages/message.ts";
export type { Online, PresenceQuery, WatchQuery } from "./messages/presence.ts";
export type { ConnectOptions, TokenSource, WebSocketConstructor, WebSocketLike } from "./options.ts";
