import type { IncomingHttpHeaders, IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Limits } from "../actions/actions.ts";
import { TidingsError, toTidingsError, within } from "../protocol/protocol.ts";
import { isPending, type Neighbours, type UpgradeRequest } from "./auth/auth.ts";
import type { Callers } from "./callers.ts";
import { ConnectionIds } from "./connection-ids.ts";
import type { Overload } from "./overload.ts";
import { REQUEST_ID } from "./request-ids.ts";
import type { Opened } from "./socket/admission.ts";
import { type Handshakes, handshake, socketSettings, type Upgrade } from "./socket/handshake.ts";
import { destroyStream, refuse, refusedClient, told } from "./socket/refusal.ts";
import { readQuery } from "./socket/request.ts";
import { Session, type SessionPorts } from "./socket/session.ts";
import { type Identify, identifierBy } from "./upgrade/identify.ts";
import {
  assertNear,
  assertServer,
  handBack,
  ignoreOtherUpgrades,
  isWebSocketUpgrade,
  whenUntaken,
} from "./upgrade/upgrades.ts";
import { pathOf } from "./url.ts";

export interface GatewayOptions {
  /** Path of WebSocket upgrades. */
  readonly path: string;
  readonly maxConnections: number;
  /**
   * Limit of handshakes and logins in flight. Beyond it the gateway closes the oldest session that has sent nothing, or
   * refuses the new one.
   */
  readonly maxHandshakes: number;
  /** Allowed values of the Origin header; empty: any. Requests without the header pass: browsers always send it. */
  readonly origins: readonly string[];
  /** Clients of development mode. */
  readonly neighbours: Neighbours;
  readonly callers: Callers;
  readonly limits: Pick<Limits, "assertConnect">;
  readonly overload: Pick<Overload, "assertConnect">;
  /** Offer permessage-deflate. */
  readonly deflate: boolean;
  /** Compressed frames refer to no earlier bytes, so that clients with any window can read them. */
  readonly fitsAnyWindow: boolean;
}

/** Time that a client waits for a starting node, before the gateway refuses it with 503. */
const START_WAIT_MS = 2_000;

/** Time that a client waits for an answer while its credentials are verified. After it the upgrade comes first. */
const VERIFY_WAIT_MS = 500;

/**
 * Time for an answer beside other listeners for upgrades. engine.io ends each socket that nobody has answered within a
 * second.
 */
const SHARED_WAIT_MS = 800;

/** Longest wait of a client whose address connects too fast, beside other listeners for upgrades. */
const SHARED_PACE_MS = SHARED_WAIT_MS / 2;

/** Entry of WebSockets: checks limits and credentials before the upgrade, starts a session after it. */
export class Gateway {
  readonly #ports: SessionPorts;
  readonly #options: GatewayOptions;
  readonly #identify: Identify;
  readonly #handshakes: Handshakes;
  /** Servers that the gateway is attached to. */
  readonly #servers = new WeakSet<Server>();
  /** Sessions that await a login message, oldest first. */
  readonly #awaitingLogin = new Set<Session>();
  #pending = 0;
  /** WebSockets that are open, or whose connection has not left the cluster yet. */
  #sockets = 0;
  readonly #opened = Promise.withResolvers<void>();
  /** True once the node admits clients. */
  isOpen = false;
  /** True from the beginning of a close on: `/ready` and the statistics tell it. */
  isClosing = false;
  #isDraining = false;

  constructor(ports: Omit<SessionPorts, "ids">, options: GatewayOptions) {
    this.#ports = {
      ...ports,
      ids: new ConnectionIds(),
      disconnected: (...ended) => {
        this.#sockets--;
        ports.disconnected(...ended);
      },
    };
    this.#options = options;
    this.#identify = identifierBy(ports);
    this.#handshakes = {
      settings: socketSettings(ports.maxMessageBytes),
      deflate: options.deflate,
      fitsAnyWindow: options.fitsAnyWindow,
      refuse: ({ stream, asked }, error, headers) =>
        this.#refuse(stream, asked, new TidingsError("bad_request", error), headers),
    };
  }

  /** Handshakes and logins in flight. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Takes the upgrades of a server at `path`, and leaves other paths to the server's other listeners. The gateway refuses
   * other paths with 404: at once without such listeners, else when none of them has answered after a moment. Upgrades to
   * other protocols are answered as plain HTTP.
   * @param owns true for the hub's own server, which has no other listeners
   * @returns a function that detaches the gateway. It does nothing when the gateway was attached already
   * @throws TidingsError `bad_request` for anything but a server
   */
  attach(server: Server, owns = false): () => void {
    assertServer(server);
    if (this.#servers.has(server)) return () => undefined;
    this.#servers.add(server);
    const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
      // Node has just removed its own error listener, and an upgrade that nobody takes gets no other.
      stream.on("error", destroyStream);
      const isAlone = owns || server.listenerCount("upgrade") === 1;
      const isOurs = isWebSocketUpgrade(request) && pathOf(request.url ?? "/") === this.#options.path;
      if (isOurs) void this.#upgrade({ request, stream, head, asked: this.#asked(request), isAlone });
      else if (isAlone && !isWebSocketUpgrade(request)) {
        stream.off("error", destroyStream);
        handBack(server, request, stream, head);
      } else if (isAlone) this.#refusePath(stream, request);
      else whenUntaken(stream, () => this.#refusePath(stream, request));
    };
    // First of all listeners, to see the socket before any of them has written.
    server.prependListener("upgrade", onUpgrade);
    const restore = ignoreOtherUpgrades(server);
    return () => {
      this.#servers.delete(server);
      server.off("upgrade", onUpgrade);
      restore();
    };
  }

  /** Admits clients from now on. The hub calls it when the backplane has started. */
  open(): void {
    this.isOpen = true;
    this.#opened.resolve();
  }

  /** True when every WebSocket has ended and its connection has left the cluster. */
  get isEmpty(): boolean {
    return this.#sockets === 0;
  }

  /** Refuses new connections, and closes sessions that have not logged in. */
  drain(): void {
    this.isClosing = true;
    this.#isDraining = true;
    for (const session of this.#awaitingLogin) session.giveUp("drain");
  }

  #refusePath(stream: Duplex, request: IncomingMessage): void {
    const error = new TidingsError("not_found", `WebSockets are at ${this.#options.path}`);
    this.#refuse(stream, this.#asked(request), error);
  }

  /** Refuses an upgrade by HTTP. */
  #refuse(
    stream: Duplex,
    asked: UpgradeRequest,
    error: TidingsError,
    headers?: Record<string, string>,
  ): void {
    refuse(stream, error, { ...headers, [REQUEST_ID]: asked.id });
    this.#ports.refused(refusedClient(asked, error.code, error.status, error.message));
  }

  /** The request as the authenticator sees it. */
  #asked(request: IncomingMessage): UpgradeRequest {
    const { callers } = this.#options;
    const headers = this.#ports.authenticator.cookies ? request.headers : withoutCookies(request.headers);
    const address = callers.callerOf(request) ?? "";
    return { id: callers.requestIdOf(request), url: request.url ?? "/", headers, address };
  }

  async #upgrade(upgrade: Upgrade): Promise<void> {
    const { request, stream, asked, isAlone } = upgrade;
    this.#pending++;
    try {
      const waitMs = this.#assertWelcome(upgrade);
      const answerBy =
        performance.now() + (isAlone ? waitMs + START_WAIT_MS + VERIFY_WAIT_MS : SHARED_WAIT_MS);
      if (waitMs > 0) await this.#pace(waitMs);
      if (!this.isOpen) await this.#opening(Math.min(START_WAIT_MS, answerBy - performance.now()));
      const login = readQuery(request);
      const identity = this.#identify(login, asked);
      const known = isPending(identity)
        ? await told(identity, Math.min(VERIFY_WAIT_MS, answerBy - performance.now()))
        : identity;
      await handshake(this.#handshakes, upgrade, (handshaken) =>
        this.#begin({ ...handshaken, login, identity }, known !== undefined),
      );
    } catch (thrown) {
      const error = toTidingsError(thrown);
      if (error !== thrown) this.#ports.hooks.emit("error", { stage: "upgrade", error: thrown });
      this.#refuse(stream, asked, error);
    } finally {
      this.#pending--;
    }
  }

  /** Waits for the start of the node. @throws TidingsError `unavailable` after the time, or when the node closes */
  async #opening(waitMs: number): Promise<void> {
    try {
      await within(waitMs, "the backplane", () => this.#opened.promise);
    } catch (cause) {
      throw new TidingsError("unavailable", "the node is starting: its backplane is not available yet", {
        cause,
      });
    }
    if (this.#isDraining) throw new TidingsError("unavailable", "the node is closing");
  }

  /** Lets a client wait whose address connects too fast. @throws TidingsError `unavailable` when the node closes meanwhile */
  async #pace(waitMs: number): Promise<void> {
    await sleep(waitMs, undefined, { ref: false });
    if (this.#isDraining) throw new TidingsError("unavailable", "the node is closing");
  }

  /**
   * Checks that need no credentials.
   * @returns milliseconds that the client has to wait
   * @throws TidingsError `rate_limited`, `unavailable` or `forbidden`
   */
  #assertWelcome({ request, asked: { address }, isAlone }: Upgrade): number {
    const { maxConnections, maxHandshakes, origins, limits, overload } = this.#options;
    if (this.#isDraining) throw new TidingsError("unavailable", "the node is closing");
    // Before the node's own rate: one address must not use it up for all others.
    const waitMs = limits.assertConnect(address, isAlone ? undefined : SHARED_PACE_MS);
    overload.assertConnect();
    const isFull = this.#ports.local.size + this.#pending > maxConnections;
    if (isFull || (this.#pending > maxHandshakes && !this.#makeRoom())) {
      throw new TidingsError("unavailable", "the node has no room for more connections");
    }
    if (this.#ports.authenticator.mode === "development") assertNear(request, address, this.#options);
    const { origin } = request.headers;
    if (origins.length > 0 && origin !== undefined && !origins.includes(origin)) {
      throw new TidingsError("forbidden", "this origin is not allowed");
    }
    return waitMs;
  }

  /** Closes the oldest session that has sent nothing: silent clients must not keep others out. */
  #makeRoom(): boolean {
    for (const session of this.#awaitingLogin) {
      this.#awaitingLogin.delete(session);
      if (!session.isSilent) continue;
      session.giveUp("login_timeout");
      return true;
    }
    return false;
  }

  /** Starts a session. Resolves when its connection is admitted or refused. */
  async #begin(opened: Opened, isKnown: boolean): Promise<void> {
    this.#sockets++;
    const session = new Session(this.#ports, opened);
    if (!isKnown) this.#awaitingLogin.add(session);
    await session.begun();
    this.#awaitingLogin.delete(session);
  }
}

/** Few clients send any, and a copy of the others takes longer than all checks of the request. */
function withoutCookies(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  if (headers.cookie === undefined) return headers;
  const { cookie, ...others } = headers;
  return others;
}

export { ANSWER_HEADERS } from "./answer-headers.ts";
export {
  type Authenticator,
  apiKeysOf,
  assertAuthenticator,
  assertOrigins,
  type Credentials,
  developmentAuth,
  type Identity,
  type JwtOptions,
  jwt,
  type MintClaims,
  mintToken,
  Neighbours,
  type TokenAuthenticator,
  type UpgradeRequest,
  withAnonymous,
  withCheckedIds,
  withLimits,
  withLoginLimits,
  withObservers,
  wrapped,
} from "./auth/auth.ts";
export { Callers } from "./callers.ts";
export type { GrpcServer } from "./grpc/grpc.ts";
export { type Api, type ApiParts, type ApiPorts, createApi } from "./http/api.ts";
export { type OperationResult, runBatch } from "./http/batch.ts";
export { type Endpoint, type EndpointRequest, Endpoints } from "./http/endpoints.ts";
export { HttpLimits } from "./http/limits.ts";
export { Pipelines } from "./http/pipelines.ts";
export type { HttpTracing, LimitSettings } from "./http/ports.ts";
export {
  type Address,
  hardenedServer,
  type Listening,
  type ListenOptions,
  type ListenTarget,
  listen,
  listenError,
  reachableAddress,
} from "./http/server.ts";
export { HttpSockets } from "./http/sockets.ts";
export { makeApi, type Served } from "./make-api.ts";
export {
  createMetrics,
  type GroupRate,
  GrpcCounts,
  type JsonMetric,
  type LoopDelay,
  type Metrics,
  type Quantiles,
  type RecentLoop,
} from "./metrics/metrics.ts";
export type * from "./nodes/nodes.ts";
export { askAvailable, clusterView } from "./nodes/nodes.ts";
export { Overload, type OverloadSettings } from "./overload.ts";
export { type Probe, sharedProbe } from "./probe.ts";
export { REQUEST_ID, RequestScope } from "./request-ids.ts";
export { drainConnections } from "./socket/drain.ts";
export { Expiry } from "./socket/expiry.ts";
export { renewal } from "./socket/renewal.ts";
export type { Ended, SessionPorts } from "./socket/session.ts";
export { UnfinishedMessages } from "./socket/unfinished.ts";
export type { Collected, ReportName, Workers } from "./workers.ts";
