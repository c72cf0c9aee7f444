import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Backplane, BackplaneSink, NodeInfo } from "./backplane/backplane.ts";
import { type Config, isLoopback } from "./config/config.ts";
import {
  type Address,
  drainConnections,
  type Expiry,
  type Gateway,
  type GrpcServer,
  type HttpSockets,
  hardenedServer,
  type Listening,
  type ListenTarget,
  listen,
  type Metrics,
  type Overload,
  reachableAddress,
  type Served,
} from "./gateway/gateway.ts";
import type { Log } from "./hub-log.ts";
import type { Local } from "./local/local.ts";
import type { MessageLog } from "./log/log.ts";
import { TidingsError, toTidingsError } from "./protocol/protocol.ts";
import type { Hooks } from "./publish/publish.ts";

export interface LifecycleParts {
  readonly config: Config;
  readonly node: string;
  readonly development: boolean;
  readonly log: Log;
  readonly hooks: Hooks;
  readonly local: Local;
  readonly backplane: Backplane;
  readonly sink: BackplaneSink;
  readonly gateway: Gateway;
  readonly expiry: Expiry;
  readonly metrics: Metrics;
  readonly overload: Pick<Overload, "stop">;
  readonly limits: { stop(): void };
  readonly httpLimits: { close(): Promise<void> };
  readonly sockets: HttpSockets;
  readonly messageLog: MessageLog | undefined;
  readonly openGrpc: Served["openGrpc"];
}

/** Time in which a closing hub writes what waits for its message log, in milliseconds. */
const LOG_FLUSH_MS = 5_000;

/** Duration of a start, in milliseconds, after which the hub logs that it waits. */
const SLOW_START_MS = 1_000;

/** Life cycle of a hub: start (by the constructor), attachment to servers, drain, close. */
export class Lifecycle {
  readonly #parts: LifecycleParts;
  readonly #detachments: (() => void)[] = [];
  /** Servers opened by `listen`, by whether they share their port; the application's own are not among them. */
  readonly #servers = new Map<Server, boolean>();
  /** The gRPC server, from the first call of `listen` on. */
  #grpc: Promise<GrpcServer> | undefined;
  /** Address of the last server that began to listen. */
  #address: AddressInfo | undefined;
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** Rejects when the hub closes, which ends every wait for the start. */
  readonly #closed = Promise.withResolvers<never>();
  /** True until the log has the warning of development mode. */
  #mustWarn: boolean;
  /** See {@link Hub.ready}. */
  readonly ready: Promise<void>;

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
    this.#mustWarn = parts.development;
    // Not at once: a hub that refuses to listen says only why.
    setImmediate(() => this.warn());
    this.#closed.promise.catch(() => undefined); // after the start nothing awaits it
    this.ready = this.#start();
    // An application that awaits `ready` gets the failure; the log has it for all others.
    this.ready.catch((error: unknown) => {
      if (this.#closing === undefined) parts.hooks.emit("error", { stage: "start", error });
    });
  }

  /** True when {@link listen} has opened a server. */
  get ownsServer(): boolean {
    return this.#servers.size > 0;
  }

  /** Warns of development mode, once, also where the hub never listens nor is attached: `fetch` is enough to serve others. */
  warn(): void {
    const { log, config } = this.#parts;
    if (this.#mustWarn && this.#closing === undefined)
      log.warn({}, developmentWarning(config.development.networks));
    this.#mustWarn = false;
  }

  /** @param owns true for the hub's own server: the gateway answers the upgrades of all its paths */
  attach(server: Server, owns = false): void {
    this.warn();
    this.#detachments.push(this.#parts.gateway.attach(server, owns));
    server.once("listening", () => this.#noteAddress(server));
    if (server.listening) this.#noteAddress(server);
  }

  /** See {@link Hub.listen}. @param handler answers the plain HTTP requests */
  async listen(handler: RequestListener, where: ListenTarget): Promise<Listening> {
    const { config, development, sockets } = this.#parts;
    const { websocket, http } = config;
    const isLocal = development && config.development.networks.length === 0;
    const host = where.host ?? config.host ?? (isLocal ? "127.0.0.1" : "0.0.0.0");
    if (isLocal && !isLoopback(host)) throw openWithoutSecret(host);
    const server = hardenedServer(handler, {
      handshakeTimeoutMs: websocket.handshakeTimeoutMs,
      idleTimeoutMs: http.idleTimeoutMs,
      bufferBytes: websocket.readBufferSize,
      sockets,
    });
    this.attach(server, true);
    const { port = config.port, reusePort } = where;
    this.#servers.set(server, reusePort === true);
    // A server that closes before it listens never emits `listening`.
    const listening = await Promise.race([listen(server, { port, host, reusePort }), this.#closed.promise]);
    const grpc = await this.#listenGrpc(host, reusePort);
    await this.ready;
    return grpc === undefined ? listening : { ...listening, grpc };
  }

  /** Opens the gRPC server on the same host, once. */
  async #listenGrpc(host: string, reusePort: boolean | undefined): Promise<Address | undefined> {
    const { config, openGrpc, log } = this.#parts;
    const { port } = config.grpc;
    if (openGrpc === undefined || port === undefined) return undefined;
    if (this.#closing !== undefined) throw new TidingsError("unavailable", "the hub was closed");
    const isFirst = this.#grpc === undefined;
    this.#grpc ??= openGrpc({ host, port, reusePort });
    const { at } = await this.#grpc;
    if (isFirst) log.info({ host: at.host, port: at.port }, "gRPC is listening");
    return at;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #start(): Promise<void> {
    const { backplane, sink, gateway, log, messageLog } = this.#parts;
    const { name } = backplane;
    const opened = messageLog?.open();
    opened?.catch(() => undefined); // awaited after the backplane, which may fail first
    let isSlow = false;
    const timer = setTimeout(() => {
      isSlow = true;
      log.warn({ backplane: name }, "waiting for the backplane: until it is available, connections get 503");
    }, SLOW_START_MS);
    try {
      await Promise.race([backplane.start(this.#nodeInfo(), sink), this.#closed.promise]);
    } finally {
      clearTimeout(timer);
    }
    await Promise.race([opened, this.#closed.promise]);
    gateway.open();
    if (isSlow) log.info({ backplane: name }, "the backplane is available");
  }

  /** Describes this node for the registry. Address and port are getters, because a server may listen only later. */
  #nodeInfo(): NodeInfo {
    const { node: id, config, local } = this.#parts;
    const { node, port } = config;
    const address = (): AddressInfo | undefined => this.#address;
    return {
      id,
      get ip() {
        return node.ip ?? reachableAddress(address()?.address ?? "127.0.0.1");
      },
      get port() {
        return node.port ?? address()?.port ?? port;
      },
      connections: () => local.size,
    };
  }

  #noteAddress(server: Server): void {
    const address = server.address();
    if (typeof address === "object" && address !== null) this.#address = address;
  }

  /**
   * Drains the node: other nodes and load balancers learn that it takes no more clients, and its own are told to reconnect. Resolves when
   * the connections have ended, or after the limit. Later calls return the first promise.
   */
  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async #drain(): Promise<void> {
    const { gateway, backplane, local, config } = this.#parts;
    const { delayMs, drainMs: limitMs, reconnectSpreadMs } = config.shutdown;
    const report = (error: unknown): void => this.#report(error);
    gateway.isClosing = true;
    const told = backplane.cluster.drain().catch(report);
    // Load balancers read at /ready that newcomers belong elsewhere. Those who come all the same are served meanwhile.
    if (delayMs > 0 && gateway.isOpen) await sleep(delayMs);
    gateway.drain();
    const grpc = await this.#grpc?.catch(() => undefined); // its caller has got the failure
    grpc?.drain();
    // The system must give new clients of a shared port to other processes. A port of this server's own stays open, so
    // that load balancers read at /ready that it drains, and clients get an answer.
    for (const [server, isShared] of this.#servers) if (isShared) server.close();
    await Promise.all([
      told,
      drainConnections({ local, isEmpty: () => gateway.isEmpty, limitMs, reconnectSpreadMs, report }),
    ]);
  }

  /** Reports a failure of the end. An unavailable backplane must not keep the node from closing, and has reported it already. */
  #report(error: unknown): void {
    const isKnown = toTidingsError(error).code === "unavailable";
    if (!isKnown) this.#parts.hooks.emit("error", { stage: "close", error });
  }

  async #close(): Promise<void> {
    const { sockets, backplane, local, expiry, metrics, overload, limits, httpLimits, messageLog } =
      this.#parts;
    const report = (error: unknown): void => this.#report(error);
    this.#closed.reject(new TidingsError("unavailable", "the hub was closed"));
    await this.drain();
    await (await this.#grpc?.catch(() => undefined))?.close();
    for (const detach of this.#detachments) detach();
    for (const server of this.#servers.keys()) {
      server.close();
      server.closeAllConnections();
    }
    sockets.cutAll();
    await backplane.stop().catch(report);
    await messageLog?.close(LOG_FLUSH_MS).catch(report);
    local.stop();
    expiry.stop();
    metrics.stop();
    overload.stop();
    limits.stop();
    await httpLimits.close();
  }
}

const developmentWarning = (networks: readonly string[]): string =>
  "development mode: nothing verifies who clients are, so each can be any user. " +
  `${networks.length === 0 ? "Only this machine is served" : `This machine and ${networks.join(", ")} are served`}, ` +
  "and nothing that came through a proxy. Set jwt.secret, jwt.publicKey or jwt.jwksUrl (of the server: JWT_SECRET, …), or give an authenticator (auth)";

const openWithoutSecret = (host: string): TidingsError =>
  new TidingsError(
    "forbidden",
    `refusing to listen on ${host} without authentication: set jwt.secret (JWT_SECRET), jwt.publicKey or jwt.jwksUrl, listen on ` +
      "127.0.0.1, or name the networks that may be served in development.networks (DEVELOPMENT_NETWORKS)",
  );
