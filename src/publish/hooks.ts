import {
  type Channel,
  type ClientConnection,
  type CloseCause,
  type DisconnectClass,
  type ErrorCode,
  Overdue,
  Subscriptions,
  TidingsError,
  toTidingsError,
  type Unsubscribe,
  within,
} from "../protocol/protocol.ts";
import type { MessageName } from "./edits/edits.ts";
import type { Receipt } from "./receipt.ts";

/** The HTTP request that asked for a connection, without its credentials. */
export interface ConnectRequest {
  readonly ip: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A client that was refused. */
export interface RefusedClient {
  /** Code of the error, or name of the close code. */
  readonly code: ErrorCode | CloseCause;
  /** Status of the answer in HTTP, or the close code (4000–4999) after the upgrade. */
  readonly status: number;
  /** For humans. */
  readonly reason: string;
  /** Address of the client. */
  readonly address: string;
  /** Header `Origin` of the request. */
  readonly origin: string | undefined;
  /** Path of the request, without its query. */
  readonly path: string;
  /** Id of the request, as in the log and in the header X-Request-Id of the answer. */
  readonly requestId: string;
}

/** A client's message before it is published. */
export interface IncomingMessage {
  readonly type: string;
  readonly data: unknown;
  readonly to?: string;
  readonly group?: string;
  readonly ephemeral: boolean;
  /** The message whose data it replaces; absent for a new message. */
  readonly edits?: MessageName;
}

/** Events of the hooks, with the data that listeners get. */
export interface HookEvents {
  /**
   * A login was accepted and the connection is about to be admitted. Throwing `refuse(…)` refuses it for good (4504);
   * any other error counts as a failure of the server (4004), after which clients reconnect.
   */
  connect: { readonly connection: ClientConnection; readonly request: ConnectRequest };
  /** A client got no connection: it was refused before the upgrade, or right after it. */
  refused: RefusedClient;
  /** A connection has ended. `cause` classifies the end; `reason` is the text of the close frame from either side. */
  disconnect: {
    readonly connection: ClientConnection;
    readonly cause: DisconnectClass;
    readonly code: number;
    readonly reason: string;
  };
  /** The user's first connection in the cluster. */
  online: { readonly user: string };
  /** The user has had no connection in the cluster for the grace period. */
  offline: { readonly user: string };
  /** A connection has joined a group: by its request, at its login, or by an order of the application. */
  join: { readonly connection: ClientConnection; readonly group: string };
  /** A connection has left a group, or has ended in it. */
  leave: { readonly connection: ClientConnection; readonly group: string };
  /** The first user in the cluster has joined a group: on one node only, that of the user. */
  occupied: { readonly group: string };
  /** The last user in the cluster has left a group: on one node only, that of the user, or one that cleared up after it. */
  vacated: { readonly group: string };
  /**
   * A client's message, or an edit of one. Throwing refuses it; a returned `type` or `data` replaces the message's. An edit keeps its
   * type.
   */
  message: { readonly connection: ClientConnection; readonly message: IncomingMessage };
  /** A message was published on this node. */
  delivered: { readonly message: PublishedMessage; readonly receipt: Receipt };
  /** A client has acknowledged the messages of a channel up to `offset`, where the cursor of its device stands now. */
  acknowledged: {
    readonly connection: ClientConnection;
    readonly channel: Channel;
    readonly offset: number;
  };
  /**
   * Messages that a connection's full send queue dropped within a tick, once per connection and tick. Stored ones are sent
   * later, when the client has asked for the gap.
   */
  dropped: { readonly connection: ClientConnection; readonly messages: number };
  /** A binary WebSocket message. Without a listener such a message ends the connection with 1003. */
  binary: { readonly connection: ClientConnection; readonly bytes: Uint8Array };
  /** A failure that no caller waits for. `stage` says where it happened, `connection` for whom, where it was one. */
  error: {
    readonly stage: string;
    readonly error: unknown;
    readonly connection?: ClientConnection | undefined;
  };
}

/** A published message, as the `delivered` hook sees it. */
export interface PublishedMessage {
  readonly id: string;
  readonly type: string;
  readonly channel: string;
  readonly timestamp: number;
  readonly from?: string;
  /** The data as JSON text. */
  readonly body: string;
}

export type HookName = keyof HookEvents;
export type Listener<Name extends HookName> = (event: HookEvents[Name]) => unknown;

type Listeners = { readonly [Name in HookName]: Subscriptions<Listener<Name>> };

/** Calls of hooks that may hang at a time, before further ones are refused at once. */
const MAX_OVERDUE = 1_000;

/** The application's listeners. A listener that throws or hangs affects only the current event. */
export class Hooks {
  readonly #timeoutMs: number;
  /** Calls that hang. */
  readonly #overdue = new Overdue(MAX_OVERDUE);
  readonly #listeners: Listeners = {
    connect: new Subscriptions(),
    refused: new Subscriptions(),
    disconnect: new Subscriptions(),
    online: new Subscriptions(),
    offline: new Subscriptions(),
    join: new Subscriptions(),
    leave: new Subscriptions(),
    occupied: new Subscriptions(),
    vacated: new Subscriptions(),
    message: new Subscriptions(),
    delivered: new Subscriptions(),
    acknowledged: new Subscriptions(),
    dropped: new Subscriptions(),
    binary: new Subscriptions(),
    error: new Subscriptions(),
  };

  /** @param timeoutMs deadline of a listener that may refuse */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @returns a function that removes this subscription
   * @throws TidingsError `bad_request` for a name that is no hook
   */
  on<Name extends HookName>(name: Name, listener: Listener<Name>): Unsubscribe {
    this.#assertName(name);
    const listeners: Subscriptions<Listener<Name>> = this.#listeners[name];
    return listeners.add(listener);
  }

  /** Names of all hooks. */
  get names(): string[] {
    return Object.keys(this.#listeners);
  }

  /** Names of other libraries' events, such as `connection`, would never be emitted. */
  #assertName(name: string): void {
    if (Object.hasOwn(this.#listeners, name)) return;
    const others: Record<string, HookName> = {
      connection: "connect",
      disconnection: "disconnect",
      close: "disconnect",
    };
    const hint = Object.hasOwn(others, name) ? ` Did you mean ${others[name]}?` : "";
    throw new TidingsError(
      "bad_request",
      `on: expected one of ${this.names.join(", ")}, got ${JSON.stringify(name)}.${hint}`,
    );
  }

  has(name: HookName): boolean {
    return this.#listeners[name].list.length > 0;
  }

  /** Calls the listeners, and waits for none of them. */
  emit<Name extends HookName>(name: Name, event: HookEvents[Name]): void {
    for (const { isActive, listener } of this.#listeners[name].list) {
      if (!isActive) continue;
      try {
        const done = listener(event);
        if (done instanceof Promise) done.catch((error: unknown) => this.#failed(name, error, event));
      } catch (error) {
        this.#failed(name, error, event);
      }
    }
  }

  /**
   * Calls the listeners one after the other, and waits for each.
   * @returns their results
   * @throws TidingsError the error of a listener (an unexpected error as `internal`), or `timeout`
   */
  async ask<Name extends HookName>(name: Name, event: HookEvents[Name]): Promise<unknown[]> {
    const answers: unknown[] = [];
    const what = `the ${name} hook`;
    for (const { isActive, listener } of this.#listeners[name].list) {
      if (!isActive) continue;
      try {
        this.#overdue.assertRoom(what);
        answers.push(await within(this.#timeoutMs, what, async () => listener(event), this.#overdue.add));
      } catch (thrown) {
        const error = toTidingsError(thrown);
        if (error !== thrown) this.#failed(name, thrown, event);
        throw error;
      }
    }
    return answers;
  }

  #failed<Name extends HookName>(name: Name, error: unknown, event: HookEvents[Name]): void {
    // The failure of an error listener is not reported: the report would call that listener again.
    if (name === "error") return;
    const connection = "connection" in event ? event.connection : undefined;
    this.emit("error", { stage: `${name} hook`, error, connection });
  }
}

/** Makes the error that a listener throws to refuse a connection or a message. */
export const refuse = (message: string): TidingsError => new TidingsError("refused", message);
