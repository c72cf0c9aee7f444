import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Http2SecureServer, Http2Server } from "node:http2";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ActionHandler, Authorize, DeclaredHandler, Middleware } from "./actions/actions.ts";
import type {
  Audience,
  GroupAudience,
  Operation,
  Outgoing,
  SendOptions,
  UserAudience,
  UsersAudience,
} from "./audience.ts";
import type { Backplane, NodeStatus, PresenceView } from "./backplane/backplane.ts";
import type { Config, ConfigInput } from "./config/config.ts";
import type {
  Authenticator,
  ClusterView,
  Endpoint,
  Listening,
  ListenTarget,
  MintClaims,
  OperationResult,
} from "./gateway/gateway.ts";
import type { Logger } from "./hub-log.ts";
import type { MessageSink } from "./log/log.ts";
import type { ActionName, ApiDeclaration, HistoryPage, UndeclaredName } from "./protocol/protocol.ts";
import type { HistoryQuery, HookName, Listener, MessageName, Receipt } from "./publish/publish.ts";
import type { Tracer } from "./tracing/tracing.ts";
import type { Explanation, WhyQuery } from "./why/why.ts";

/** On whose behalf the application changes a stored message. */
export interface ChangeOptions {
  /** User in whose name the notice is sent. @default none */
  readonly from?: string;
  /** User whose budget of reads the change counts with, as in {@link HistoryQuery.reader}: a deletion may read the whole history. @default the application */
  readonly reader?: string;
}

/** Any part of the configuration (docs/CONFIGURATION.md), and the options that only code can give. */
export interface HubOptions extends Omit<ConfigInput, "messageLog" | "tracing"> {
  /**
   * Where stored messages and their outcomes are logged: `stdout`, `sqlite:<file>`, `postgres://…`, or a sink of the application.
   * @default nowhere
   */
  readonly messageLog?: string | MessageSink | undefined;
  /** Authenticates clients. @default by tokens, with the keys of the configuration; without a key development mode */
  readonly auth?: Authenticator;
  /** Decides what users may do (docs/PERMISSIONS.md). @default the settings `policy.*`, and the grants of a token */
  readonly authorize?: Authorize | undefined;
  /** Keeps what is stored, and connects nodes, in place of `data` and `redis`: see docs/BACKPLANES.md. A backplane serves one hub. */
  readonly backplane?: Backplane | undefined;
  /**
   * Makes spans for OpenTelemetry, as the setting `tracing` does (docs/TRACING.md): true, by the provider that the process has registered, or a tracer of another one. It
   * needs the package `@opentelemetry/api`.
   * @default false
   */
  readonly tracing?: boolean | Tracer | undefined;
  /** @default a pino logger to standard output, by the configuration's `logLevel` */
  readonly logger?: Logger | undefined;
}

/** Options of a hub whose messages and requests are declared. */
export interface DeclaredHubOptions<Api extends ApiDeclaration> extends HubOptions {
  /** Declares messages and requests, made by `defineApi`. The hub refuses messages and requests that do not meet it. */
  readonly api: Api;
}

/** Servers to which a hub can be attached. The type of an HTTP/2 server without TLS is among them for Hono's `serve()`; it takes no WebSockets. */
export type AttachedServer = Server | Http2Server | Http2SecureServer;

/**
 * A running hub, as an application uses it. Every call means the same on one node and on many.
 * @typeParam Declared what the application declares: `typeof api` of `defineApi`, or an interface that maps types of messages to their data
 */
export interface Hub<Declared extends object> {
  /**
   * Resolves when the backplane is available, and rejects when waiting cannot help (a wrong password, for instance).
   * Until it resolves, connections get 503 after two seconds, and publishing fails with `unavailable`.
   */
  readonly ready: Promise<void>;

  /** The configuration in force, merged and frozen. */
  readonly config: Config;

  /** This node's id. */
  readonly node: string;

  /** True in development mode: the hub trusts every user id and serves only this machine. */
  readonly development: boolean;

  /** Users online in the cluster. */
  readonly presence: PresenceView;

  /** Looks into the nodes of the cluster, for operators: statistics, busiest groups, slowest connections, drains. */
  readonly cluster: ClusterView;

  /**
   * Handles requests for an action that the `api` declares. The input meets its schema; the result, which must meet the schema of the
   * reply, is the reply.
   * @throws TidingsError `bad_request` for a name that is not declared
   */
  action<Name extends ActionName<Declared>>(name: Name, handler: DeclaredHandler<Declared, Name>): this;
  /**
   * Handles requests of clients for `module.action`; the handler's result is the reply. A hub with an `api` has only the actions that this
   * declares, and those that {@link extend} has added.
   * @param schema any Standard Schema (zod, valibot, arktype, …) that the request's data must meet
   * @throws TidingsError `bad_request` for a name without a dot
   */
  action<Schema extends StandardSchemaV1>(
    name: UndeclaredName<Declared>,
    schema: Schema,
    handler: ActionHandler<StandardSchemaV1.InferOutput<Schema>>,
  ): this;
  /** Handles requests whose data no schema checks: the handler gets it as it came. */
  action(name: UndeclaredName<Declared>, handler: ActionHandler<unknown>): this;

  /**
   * Adds messages and requests to the `api` of this hub: those of a part that the application uses, such as the chat. Its actions may be
   * handled with the schema that is declared. A hub without an `api` takes every message and every action anyway.
   * @throws TidingsError `conflict` for a type or an action that is declared already
   */
  extend(api: ApiDeclaration): this;

  /**
   * Adds an endpoint of the application to the HTTP API, for users instead of servers: `POST` with a JSON object, described in
   * `/openapi.json`. Routes of the hub come first. Blocked users get 403.
   * @throws TidingsError `bad_request` for a path that is not like `/chat/join`, `conflict` for one that has an endpoint
   */
  endpoint<Schema extends StandardSchemaV1>(endpoint: Endpoint<Schema>): this;

  /**
   * Wraps every request and every message of clients; the first one added is the outermost. A login is no request yet:
   * the `connect` hook decides about it. What the application or the HTTP API publishes does not pass, nor do the requests of consoles.
   */
  use(middleware: Middleware): this;

  /** Listens to a stage of the hub's work. @returns a function that removes the listener */
  on<Name extends HookName>(name: Name, listener: Listener<Name>): () => void;

  /** Listens to a stage of the hub's work until it happens once. @returns a function that removes the listener */
  once<Name extends HookName>(name: Name, listener: Listener<Name>): () => void;

  /**
   * Replaces the policy on what users may join, send to, read the history of and see the presence of. It is not asked about consoles, which
   * may do none of this. The default one can be asked inside it: `(request) => request.claims.staff === true || defaultPolicy(request)`.
   */
  authorize(policy: Authorize): this;

  /**
   * Replaces the limits of the configuration on this node. What was changed on all nodes (`PUT /limits`) stays in force. Limits that
   * are left out get their defaults.
   * @throws TidingsError `bad_request` for a bad value, and for settings that cannot change while the hub runs
   */
  updateConfig(config: Pick<ConfigInput, "limits">): void;

  /** One user on all devices. @throws TidingsError `bad_request` when the value cannot be an id */
  user(user: string): UserAudience<Declared>;

  /** Several users, each on the own channel. @throws TidingsError `bad_request` when a value cannot be an id */
  users(users: readonly string[]): UsersAudience<Declared>;

  /** A group. @throws TidingsError `bad_request` when the value cannot be an id */
  group(group: string): GroupAudience<Declared>;

  /** All users. `except` and `platforms` narrow the audience. */
  readonly everyone: Audience<Declared>;

  /** Sends to everyone. @throws TidingsError as {@link Audience.send} does */
  broadcast(message: Outgoing<Declared>, options?: SendOptions): Promise<Receipt>;

  /**
   * Runs up to 1,000 operations in their order, at a fraction of the cost of single HTTP calls: messages, kicks, durable memberships.
   * @returns a receipt, the result of an order, or an error for each
   * @throws TidingsError `bad_request` unless there are 1 to 1,000 operations
   */
  batch(operations: readonly Operation<Declared>[]): Promise<OperationResult[]>;

  /**
   * Reads the newest page of a channel's history before an offset, oldest first.
   * @param channel `user:<id>`, `group:<id>` or `all`
   * @throws TidingsError `bad_request` for another channel, `unavailable` while the backplane is unavailable
   */
  history(channel: string, query?: HistoryQuery): Promise<HistoryPage<Declared>>;

  /**
   * Replaces the data of a stored message where it lies: it keeps its offset and its id. Members get a notice of the type
   * `message.edited`, also those who were away, and pages of the history have the new data (docs/MESSAGES.md).
   * @param channel `user:<id>`, `group:<id>` or `all`
   * @returns the receipt of the notice
   * @throws TidingsError `bad_request` for another channel and bad data, `not_found` for a message that is not retained or deleted,
   * `conflict` in a last-value channel, `unavailable` while the backplane is unavailable
   */
  edit(channel: string, edit: MessageName & ChangeOptions & { readonly data: unknown }): Promise<Receipt>;

  /**
   * Deletes the data of a stored message, and sends a notice of the type `message.deleted`, in the manner of {@link edit}. Where the
   * message is no longer retained, and the notice of its last edit is, the data goes from there.
   * @param message `author`: only if this user has sent it; `forbidden` otherwise. Of a notice that is the editor. @default whoever has sent it
   */
  delete(
    channel: string,
    message: MessageName & ChangeOptions & { readonly author?: string },
  ): Promise<Receipt>;

  /**
   * Mints a token with which a user can log in.
   * @param claims `can`: what the token permits, see docs/PERMISSIONS.md
   * @throws TidingsError `bad_request` for bad claims, `not_found` when this hub has no secret to sign with
   */
  token(claims: MintClaims): Promise<string>;

  /**
   * Explains where a message went, or why it, or any message, did not come to a user: from the flight recorders of all nodes
   * (`recorder.messages`), and from connections, queues, memberships, rights and histories as they are now.
   * @param query a message, a user, or both; `group` narrows a question about a user
   * @throws TidingsError `bad_request` without a message and a user, `unavailable` while the backplane is unavailable
   */
  why(query: WhyQuery): Promise<Explanation>;

  /** Lists the nodes of the cluster. @throws TidingsError `unavailable` while the backplane is unavailable */
  nodes(): Promise<NodeStatus[]>;

  /**
   * The HTTP API for frameworks that speak Request and Response.
   * @param address of the peer, such as `env.incoming.socket.remoteAddress` in Hono on Node. Behind trusted proxies the
   * caller is read from X-Forwarded-For (`trustProxy`). Development mode without an API key answers this machine only, and
   * refuses a request without an address with 403
   */
  readonly fetch: (request: Request, address?: string) => Promise<Response>;

  /** The HTTP API for `node:http` and frameworks on it (Express, Fastify). */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;

  /**
   * Takes the WebSocket upgrades at the configured path of an application's own server, which keeps all other requests.
   * Upgrades of other paths get 404 when the server has no other listener for them. The server answers upgrades to other
   * protocols than `websocket` as plain HTTP (RFC 9110 section 7.8), unless the application sets its
   * `shouldUpgradeCallback` afterwards.
   * @param server of `node:http`, `node:https`, or `node:http2` with TLS and `allowHTTP1`; what Hono's `serve()` returns, Fastify's `app.server`
   * @throws TidingsError `bad_request` for anything else, such as an application of Express
   */
  attach(server: AttachedServer): this;

  /**
   * Opens a server of the hub's own for WebSockets and the HTTP API. Resolves when the hub is ready. The port is open
   * before that, so that `/health` and `/ready` answer while the hub waits for the backplane. With the setting `grpc.port` it
   * opens the gRPC server too.
   * @param where defaults to the configuration's `host` and `port`
   * @throws TidingsError `forbidden` in development mode on anything but loopback, `unavailable` when the hub is closed
   */
  listen(where?: ListenTarget): Promise<Listening>;

  /**
   * Drains and closes: accepts no more connections, writes pending messages, tells every client when to reconnect,
   * leaves the cluster. Before that the node tells for `shutdown.delayMs` that it drains, and serves everybody as before.
   * Clients get at most `shutdown.drainMs`. Leaving the cluster takes moments, or some seconds when the backplane does not
   * answer. Later calls return the first promise.
   */
  close(): Promise<void>;
}
