import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { WebSocketServer } from "ws";
import type { Limits } from "../actions/actions.ts";
import { TidingsError, toTidingsError, within } from "../protocol/protocol.ts";
import { assertNoProxy, type Identity, type Neighbours } from "./auth/auth.ts";
import type { Callers } from "./callers.ts";
import type { Overload } from "./overload.ts";
import { type Handshaken, handshake, socketServer, type Upgrade } from "./socket/handshake.ts";
import { destroyStream, refuse } from "./socket/refusal.ts";
import { type LoginRequest, readQuery } from "./socket/request.ts";
import { Session, type SessionPorts } from "./socket/session.ts";
import { handBack, ignoreOtherUpgrades, isWebSocketUpgrade } from "./upgrades.ts";

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
}

/** Time that a client waits for a starting node, before the gateway refuses it with 503. */
const START_WAIT_MS = 2_000;

/** Entry of WebSockets: checks limits and credentials before the upgrade, starts a session after it. */
export class Gateway {
  readonly #ports: SessionPorts;
  readonly #options: GatewayOptions;
  readonly #server: WebSocketServer;
  /** Sessions that await a login message, oldest first. */
  readonly #awaitingLogin = new Set<Session>();
  #pending = 0;
  /** WebSockets that are open, or whose connection has not left the cluster yet. */
  #sockets = 0;
  readonly #opened = Promise.withResolvers<void>();
  #isOpen = false;
  isDraining = false;

  constructor(ports: SessionPorts, options: GatewayOptions) {
    this.#ports = {
      ...ports,
      disconnected: (...ended) => {
        this.#sockets--;
        ports.disconnected(...ended);
      },
    };
    this.#options = options;
    this.#server = socketServer(ports.maxMessageBytes, options.deflate);
  }

  /** Handshakes and logins in flight. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Takes the upgrades of a server at `path`, and leaves other paths to the server's other listeners. Without such
   * listeners the gateway refuses other paths with 404. Upgrades to other protocols are answered as plain HTTP.
   * @param owns true for the hub's own server, which has no other listeners
   * @returns a function that detaches the gateway
   */
  attach(server: Server, owns = false): () => void {
    const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
      // Node has just removed its own error listener, and an upgrade that nobody takes gets no other.
      stream.on("error", destroyStream);
      const path = request.url?.split("?", 1)[0];
      const isAlone = owns || server.listenerCount("upgrade") === 1;
      if (!isWebSocketUpgrade(request)) {
        if (!isAlone) return;
        stream.off("error", destroyStream);
        handBack(server, request, stream, head);
      } else if (path === this.#options.path) {
        const address = this.#options.callers.callerOf(request) ?? "";
        void this.#upgrade({ request, stream, head, address });
      } else if (isAlone)
        refuse(stream, { status: 404, message: this.#whereToGo(), retryAfterMs: undefined });
    };
    server.on("upgrade", onUpgrade);
    const restore = ignoreOtherUpgrades(server);
    return () => {
      server.off("upgrade", onUpgrade);
      restore();
    };
  }

  /** Admits clients from now on. The hub calls it when the backplane has started. */
  open(): void {
    this.#isOpen = true;
    this.#opened.resolve();
  }

  /** True when every WebSocket has ended and its connection has left the cluster. */
  get isEmpty(): boolean {
    return this.#sockets === 0;
  }

  /** Refuses new connections, and closes sessions that have not logged in. */
  drain(): void {
    this.isDraining = true;
    for (const session of this.#awaitingLogin) session.giveUp("drain");
  }

  #whereToGo(): string {
    return `WebSockets are at ${this.#options.path}`;
  }

  async #upgrade(upgrade: Upgrade): Promise<void> {
    const { request, stream, address } = upgrade;
    this.#pending++;
    try {
      const waitMs = this.#assertWelcome(upgrade);
      if (waitMs > 0) await this.#pace(waitMs);
      if (!this.#isOpen) await this.#opening();
      const login = readQuery(request);
      const identity = await this.#authenticate(login, address);
      await handshake(this.#server, upgrade, (handshaken) => this.#begin(handshaken, login, identity));
    } catch (thrown) {
      refuse(stream, toTidingsError(thrown));
    } finally {
      this.#pending--;
    }
  }

  /** Waits for the start of the node. @throws TidingsError `unavailable` after two seconds, or when the node closes */
  async #opening(): Promise<void> {
    try {
      await within(START_WAIT_MS, "the backplane", () => this.#opened.promise);
    } catch (cause) {
      throw new TidingsError("unavailable", "the node is starting: its backplane is not available yet", {
        cause,
      });
    }
    if (this.isDraining) throw new TidingsError("unavailable", "the node is closing");
  }

  /** Lets a client wait whose address connects too fast. @throws TidingsError `unavailable` when the node closes meanwhile */
  async #pace(waitMs: number): Promise<void> {
    await sleep(waitMs, undefined, { ref: false });
    if (this.isDraining) throw new TidingsError("unavailable", "the node is closing");
  }

  /**
   * Checks that need no credentials.
   * @returns milliseconds that the client has to wait
   * @throws TidingsError `rate_limited`, `unavailable` or `forbidden`
   */
  #assertWelcome({ request: { headers, socket }, address }: Upgrade): number {
    const { maxConnections, maxHandshakes, origins, limits, overload } = this.#options;
    if (this.isDraining) throw new TidingsError("unavailable", "the node is closing");
    // Before the node's own rate: one address must not use it up for all others.
    const waitMs = limits.assertConnect(address);
    overload.assertConnect();
    const isFull = this.#ports.local.size + this.#pending > maxConnections;
    if (isFull || (this.#pending > maxHandshakes && !this.#makeRoom())) {
      throw new TidingsError("unavailable", "the node has no room for more connections");
    }
    if (this.#ports.authenticator.mode === "development") {
      const { neighbours, callers } = this.#options;
      if (!neighbours.has(address) || !neighbours.accepts(headers)) {
        throw new TidingsError(
          "forbidden",
          "development mode takes connections from this machine only, and from development.networks",
        );
      }
      assertNoProxy(
        Object.keys(headers),
        callers.wayOf(socket.remoteAddress, headers["x-forwarded-for"]),
        neighbours,
      );
    }
    const { origin } = headers;
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

  async #authenticate({ credentials }: LoginRequest, address: string): Promise<Identity | undefined> {
    const hasNone = credentials.token === undefined && credentials.userId === undefined;
    if (hasNone) return undefined;
    const { authenticator, loginTimeoutMs } = this.#ports;
    return within(loginTimeoutMs, "the login", () => authenticator.authenticate({ ...credentials, address }));
  }

  /** Starts a session. Resolves when its connection is admitted or refused. */
  async #begin(handshaken: Handshaken, login: LoginRequest, identity: Identity | undefined): Promise<void> {
    this.#sockets++;
    const session = new Session(this.#ports, { ...handshaken, login, identity });
    if (identity === undefined) this.#awaitingLogin.add(session);
    await session.begun();
    this.#awaitingLogin.delete(session);
  }
}

export { ANSWER_HEADERS } from "./answer-headers.ts";
export {
  type Authenticator,
  apiKeysOf,
  assertAuthenticator,
  type Credentials,
  developmentAuth,
  type Identity,
  type JwtOptions,
  jwt,
  type MintClaims,
  mintToken,
  Neighbours,
  withAnonymous,
  withCheckedIds,
  withLimits,
  withLoginLimits,
} from "./auth/auth.ts";
export { Callers } from "./callers.ts";
export { type Api, type ApiPorts, createApi } from "./http/api.ts";
export { type Operation, type OperationResult, runBatch } from "./http/batch.ts";
export { HttpLimits } from "./http/limits.ts";
export { mountPage } from "./http/page.ts";
export { Pipelines } from "./http/pipelines.ts";
export type { LimitSettings } from "./http/ports.ts";
export {
  hardenedServer,
  type Listening,
  type ListenOptions,
  listen,
  reachableAddress,
} from "./http/server.ts";
export { HttpSockets } from "./http/sockets.ts";
export { createMetrics, type JsonMetric, type Metrics } from "./metrics/metrics.ts";
export { Overload, type OverloadSettings } from "./overload.ts";
export { type Probe, sharedProbe } from "./probe.ts";
export { drainConnections } from "./socket/drain.ts";
export { Expiry } from "./socket/expiry.ts";
export { renewal } from "./socket/renewal.ts";
export type { Ended, SessionPorts } from "./socket/session.ts";
export { UnfinishedMessages } from "./socket/unfinished.ts";
export type { Collected, ReportName, Workers } from "./workers.ts";
  listenError,
