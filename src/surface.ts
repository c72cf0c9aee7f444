import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Hono } from "hono";
import type { Logger } from "pino";
import type { ActionHandler, Authorize, Middleware, Router } from "./actions/actions.ts";
import { Audience, GroupAudience, type Outgoing, UserAudience, UsersAudience } from "./audience.ts";
import type { Backplane, BackplaneSink, NodeInfo, NodeStatus, Presence } from "./backplane/backplane.ts";
import type { Config } from "./config/config.ts";
import {
  type Authenticator,
  drainConnections,
  type Expiry,
  type Gateway,
  hardenedServer,
  isLoopback,
  type Listening,
  type ListenOptions,
  listen,
  type Metrics,
  reachableAddress,
} from "./gateway/gateway.ts";
import type { Local } from "./local/local.ts";
import { parseChannel, TidingsError, toTidingsError } from "./protocol/protocol.ts";
import {
  type HistoryReply,
  type HookName,
  type Hooks,
  historyPage,
  type Listener,
  type Publisher,
  type PublishOptions,
  type Receipt,
} from "./publish/publish.ts";

/** What createHub has wired. */
export interface HubParts {
  readonly config: Config;
  readonly node: string;
  readonly log: Logger;
  readonly hooks: Hooks;
  readonly authenticator: Authenticator;
  readonly local: Local;
  readonly backplane: Backplane;
  readonly sink: BackplaneSink;
  /** Exchangeable while running. */
  readonly policy: { authorize: Authorize };
  readonly publisher: Publisher;
  readonly router: Router;
  readonly gateway: Gateway;
  readonly api: Hono;
  readonly expiry: Expiry;
  readonly metrics: Metrics;
}

/** A running hub, as an application uses it. The same calls mean the same on one node and on many. */
export class Hub<Events extends object> {
  readonly #parts: HubParts;
  readonly #detachments: (() => void)[] = [];
  readonly #listener: RequestListener;
  /** Opened by `listen`; the application's own servers are not among them. */
  readonly #servers: Server[] = [];
  /** Where the hub is attached, as far as that listens already. */
  #at: AddressInfo | undefined;
  #closing: Promise<void> | undefined;
  /** Rejected when the hub closes: who waits for its start need not wait any more. */
  readonly #closed = Promise.withResolvers<never>();
  /**
   * Resolves when the backplane is there, and rejects when waiting cannot help (a wrong password, say). Until then
   * connections wait a moment and then get 503, and publishing fails with `unavailable`.
   */
  readonly ready: Promise<void>;

  constructor(parts: HubParts) {
    this.#parts = parts;
    this.#listener = getRequestListener((request) => this.fetch(request), { overrideGlobalObjects: false });
    this.#closed.promise.catch(() => undefined); // after the start nobody listens
    this.ready = this.#start();
    // Whoever awaits it gets the failure; whoever does not finds it in the log.
    this.ready.catch((error: unknown) => {
      if (this.#closing === undefined) parts.hooks.emit("error", { stage: "start", error });
    });
  }

  /** The configuration in force, merged and frozen. */
  get config(): Config {
    return this.#parts.config;
  }

  /** This node's id. */
  get node(): string {
    return this.#parts.node;
  }

  /** True without a secret: everyone is who they say, and only this machine is served. */
  get development(): boolean {
    return this.#parts.authenticator.mode === "development";
  }

  /** Who is online in the cluster. */
  get presence(): Pick<Presence, "online" | "count" | "connectionsOf" | "inGroup"> {
    return this.#parts.backplane.presence;
  }

  /**
   * Handles requests of clients for `module.action`; what the handler returns is the reply.
   * @param schema any Standard Schema (zod, valibot, arktype, …) that the request's data must meet
   * @throws TidingsError `bad_request` for a name without a dot
   */
  action<Schema extends StandardSchemaV1>(
    name: string,
    schema: Schema,
    handler: ActionHandler<StandardSchemaV1.InferOutput<Schema>>,
  ): this {
    this.#parts.router.action(name, schema, handler);
    return this;
  }

  /** Wraps every action; the first one added is the outermost. */
  use(middleware: Middleware): this {
    this.#parts.router.use(middleware);
    return this;
  }

  /** Listens to a stage of the hub's work. @returns a function that stops it */
  on<Name extends HookName>(name: Name, listener: Listener<Name>): () => void {
    return this.#parts.hooks.on(name, listener);
  }

  /** Replaces the policy on what users may join, publish to, and read the history of. */
  authorize(policy: Authorize): this {
    this.#parts.policy.authorize = policy;
    return this;
  }

  /** One user on all devices. @throws TidingsError `bad_request` when it cannot be an id */
  user(user: string): UserAudience<Events> {
    return new UserAudience(this.#parts, user);
  }

  /** Several users, each on the own channel. @throws TidingsError `bad_request` when one of them cannot be an id */
  users(users: readonly string[]): UsersAudience<Events> {
    return new UsersAudience(this.#parts, users);
  }

  /** A group. @throws TidingsError `bad_request` when it cannot be an id */
  group(group: string): GroupAudience<Events> {
    return new GroupAudience(this.#parts, group);
  }

  /** Everyone: to be narrowed with `except` or `platforms`, or sent to as it is. */
  get everyone(): Audience<Events> {
    return new Audience(this.#parts, "all");
  }

  /** Sends to everyone. */
  broadcast(message: Outgoing<Events>, options?: PublishOptions): Promise<Receipt> {
    return this.everyone.send(message, options);
  }

  /**
   * The newest page of a channel's history before an offset, oldest first.
   * @param channel `user:<id>`, `group:<id>` or `all`
   */
  history(channel: string, query: { before?: number; limit?: number } = {}): Promise<HistoryReply> {
    return historyPage(this.#parts.backplane, parseChannel(channel), { limit: 50, ...query });
  }

  /** The nodes of the cluster. */
  nodes(): Promise<NodeStatus[]> {
    return this.#parts.backplane.cluster.nodes();
  }

  /** The HTTP API for frameworks that speak Request and Response. */
  readonly fetch = async (request: Request): Promise<Response> => this.#parts.api.fetch(request);

  /** The HTTP API for `node:http` and frameworks on it (Express, Fastify). */
  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    const isOpen = this.development && !isLoopback(request.socket.remoteAddress ?? "");
    if (isOpen) response.writeHead(403).end("development mode serves this machine only: set JWT_SECRET\n");
    else void this.#listener(request, response);
  };

  /** Takes WebSocket upgrades at the configured path of an application's own server; everything else stays its own. */
  attach(server: Server): this {
    return this.#attach(server, false);
  }

  #attach(server: Server, owns: boolean): this {
    this.#detachments.push(this.#parts.gateway.attach(server, owns));
    server.once("listening", () => this.#announce(server));
    if (server.listening) this.#announce(server);
    return this;
  }

  /**
   * Opens a server of its own for WebSockets and the HTTP API. The port is open at once, so that `/health` and `/ready`
   * tell the truth while the backplane is awaited; resolves when the hub is ready.
   * @param where defaults to the configuration's `host` and `port`
   * @throws TidingsError `forbidden` in development mode on anything but loopback, `unavailable` when the hub is closed
   */
  async listen(where: Partial<ListenOptions> = {}): Promise<Listening> {
    const { config } = this.#parts;
    const { websocket } = config;
    const host = where.host ?? config.host ?? (this.development ? "127.0.0.1" : "0.0.0.0");
    if (this.development && !isLoopback(host)) throw openStart(host);
    const server = hardenedServer(this.handler, {
      handshakeTimeoutMs: websocket.handshakeTimeoutMs,
      maxHandshakes: websocket.maxHandshakes,
      bufferBytes: websocket.readBufferSize,
    });
    this.#attach(server, true);
    this.#servers.push(server);
    const { port = config.port, reusePort } = where;
    // A server that is closed before it listens never says that it does.
    const listening = await Promise.race([listen(server, { port, host, reusePort }), this.#closed.promise]);
    await this.ready;
    return listening;
  }

  /**
   * Drains: accepts no more connections, tells every client when to come back, writes what waits, leaves the
   * cluster. Clients get at most `shutdown.drainMs`; leaving takes moments, and some seconds where the backplane does not
   * answer. Safe to call again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #start(): Promise<void> {
    const { backplane, sink, gateway, log } = this.#parts;
    const { name } = backplane;
    let waited = false;
    const timer = setTimeout(() => {
      waited = true;
      log.warn({ backplane: name }, "waiting for the backplane: until it is there, connections get 503");
    }, SLOW_START_MS);
    try {
      await Promise.race([backplane.start(this.#nodeInfo(), sink), this.#closed.promise]);
    } finally {
      clearTimeout(timer);
    }
    gateway.open();
    if (waited) log.info({ backplane: name }, "the backplane is there");
  }

  #nodeInfo(): NodeInfo {
    const { node: id, config, local } = this.#parts;
    const { node, port } = config;
    const at = (): AddressInfo | undefined => this.#at;
    return {
      id,
      get ip() {
        return node.ip ?? reachableAddress(at()?.address ?? "127.0.0.1");
      },
      get port() {
        return node.port ?? at()?.port ?? port;
      },
      connections: () => local.size,
    };
  }

  #announce(server: Server): void {
    const address = server.address();
    if (typeof address === "object" && address !== null) this.#at = address;
  }

  async #close(): Promise<void> {
    const { gateway, backplane, local, expiry, metrics, config, hooks } = this.#parts;
    const { drainMs: limitMs, reconnectSpreadMs } = config.shutdown;
    // A backplane that is away must not keep the node from closing, and that it is away is known already.
    const report = (error: unknown): void => {
      if (toTidingsError(error).code !== "unavailable") hooks.emit("error", { stage: "close", error });
    };
    this.#closed.reject(new TidingsError("unavailable", "the hub was closed"));
    gateway.drain();
    for (const server of this.#servers) server.close();
    await Promise.all([
      backplane.cluster.drain().catch(report),
      drainConnections({ local, isEmpty: () => gateway.isEmpty, limitMs, reconnectSpreadMs }),
    ]);
    for (const detach of this.#detachments) detach();
    for (const server of this.#servers) server.closeAllConnections();
    await backplane.stop().catch(report);
    local.stop();
    expiry.stop();
    metrics.stop();
  }
}

/** A start that takes longer is told in the log. */
const SLOW_START_MS = 1_000;

const openStart = (host: string): TidingsError =>
  new TidingsError(
    "forbidden",
    `refusing to listen on ${host} without authentication: set JWT_SECRET (or jwt.publicKey, jwt.jwksUrl), or listen on 127.0.0.1`,
  );
