import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { DIALECT, TidingsError, toTidingsError, within } from "../protocol/protocol.ts";
import type { ConnectRequest } from "../publish/publish.ts";
import { assertNoProxy, type Identity, isLocalRequest, isLoopback } from "./auth/auth.ts";
import { type LoginRequest, readQuery } from "./socket/request.ts";
import { Session, type SessionPorts } from "./socket/session.ts";

export interface GatewayOptions {
  /** Path of WebSocket upgrades. @default "/ws" */
  readonly path: string;
  readonly maxConnections: number;
  /** Handshakes and logins in flight. One more closes the oldest that has sent nothing, or is refused. */
  readonly maxHandshakes: number;
  /** Allowed values of the Origin header; empty allows any. Requests without the header pass: browsers always send it. */
  readonly origins: readonly string[];
  /** Offer permessage-deflate. */
  readonly deflate: boolean;
}

/** Time that a client waits for a node that starts, before it is refused with 503. */
const START_WAIT_MS = 2_000;

/** Timeout of a closing handshake, after which the socket is cut. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Limits of one message: its bytes, and its pieces, because a piece of one byte costs some hundred bytes of memory. One piece
 * more closes the connection with 1008. Pieces are the fragments of a message, and the reads of the socket that bring one
 * frame. A larger message may have more: one per 8 KiB, and one per 512 bytes (a TCP segment has 536 or more).
 */
function messageLimits(
  maxPayload: number,
): Pick<ServerOptions, "maxPayload" | "maxFragments" | "maxBufferedChunks"> {
  return {
    maxPayload,
    maxFragments: Math.max(64, Math.ceil(maxPayload / 8_192)),
    maxBufferedChunks: Math.max(1_024, Math.ceil(maxPayload / 512)),
  };
}

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
    // The published types of ws do not know closeTimeout yet.
    const serverOptions: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      ...messageLimits(ports.maxMessageBytes),
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (offered) => (offered.has(DIALECT) ? DIALECT : false),
      // Without context takeover a message is compressed once and shared, and an idle connection keeps no window.
      perMessageDeflate: options.deflate && {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
      },
    };
    this.#server = new WebSocketServer(serverOptions);
  }

  /** Handshakes and logins in flight. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Takes upgrades of a server at `path`. Other paths are left to the server's other listeners.
   * @param owns true for the hub's own server: it has no other listeners, so the gateway refuses other paths
   * @returns a function that detaches the gateway
   */
  attach(server: Server, owns = false): () => void {
    const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
      // Node's HTTP server has just taken its own listener off, and an upgrade that nobody takes gets no other.
      stream.on("error", destroyStream);
      const path = request.url?.split("?", 1)[0];
      if (path === this.#options.path) void this.#upgrade(request, stream, head, owns);
      else if (owns || server.listenerCount("upgrade") === 1) refuse(stream, 404, this.#whereToGo());
    };
    server.on("upgrade", onUpgrade);
    return () => server.off("upgrade", onUpgrade);
  }

  /** Lets clients in. To be called when the backplane has started. */
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

  async #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer, owns: boolean): Promise<void> {
    this.#pending++;
    try {
      this.#assertWelcome(request, owns);
      if (!this.#isOpen) await this.#opening();
      const login = readQuery(request);
      const identity = await this.#authenticate(login);
      await this.#handshake(request, stream, head, login, identity);
    } catch (thrown) {
      const { status, message } = toTidingsError(thrown);
      refuse(stream, status, message);
    } finally {
      this.#pending--;
    }
  }

  /** Waits for the start of the node. @throws TidingsError `unavailable` after two seconds, or when the node closes */
  async #opening(): Promise<void> {
    try {
      await within(START_WAIT_MS, "the backplane", () => this.#opened.promise);
    } catch (cause) {
      throw new TidingsError("unavailable", "the node is starting: its backplane is not there yet", {
        cause,
      });
    }
    if (this.isDraining) throw new TidingsError("unavailable", "the node is closing");
  }

  /** Checks that need no credentials. @throws TidingsError `unavailable` or `forbidden` */
  #assertWelcome({ headers, socket }: IncomingMessage, owns: boolean): void {
    const { maxConnections, maxHandshakes, origins } = this.#options;
    if (this.isDraining) throw new TidingsError("unavailable", "the node is closing");
    const isFull = this.#ports.local.size + this.#pending > maxConnections;
    if (isFull || (this.#pending > maxHandshakes && !this.#makeRoom())) {
      throw new TidingsError("unavailable", "the node has no room for more connections");
    }
    if (this.#ports.authenticator.mode === "development") {
      // In development mode the hub's own server listens on loopback; an application's may listen anywhere.
      const isLocal = owns || isLoopback(socket.remoteAddress ?? "");
      if (!isLocal || !isLocalRequest(headers)) {
        throw new TidingsError("forbidden", "development mode takes connections from this machine only");
      }
      assertNoProxy(Object.keys(headers));
    }
    const { origin } = headers;
    if (origins.length > 0 && origin !== undefined && !origins.includes(origin)) {
      throw new TidingsError("forbidden", "this origin is not allowed");
    }
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

  async #authenticate({ credentials }: LoginRequest): Promise<Identity | undefined> {
    const hasNone = credentials.token === undefined && credentials.userId === undefined;
    if (hasNone) return undefined;
    const { authenticator, loginTimeoutMs } = this.#ports;
    return within(loginTimeoutMs, "the login", () => authenticator.authenticate(credentials));
  }

  /** Resolves when the session has begun, or the handshake has failed. */
  #handshake(
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
    login: LoginRequest,
    identity: Identity | undefined,
  ): Promise<void> {
    if (stream.destroyed || !(stream instanceof Socket)) {
      stream.destroy();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      stream.once("close", resolve);
      // The session must listen within this tick: the client may have sent its first message already.
      this.#server.handleUpgrade(request, stream, head, (socket) => {
        stream.off("close", resolve);
        this.#sockets++;
        const opened = { socket, stream, deflate: sharesDeflate(socket, request), login, identity };
        const session = new Session(this.#ports, { ...opened, request: () => aboutRequest(request) });
        if (identity === undefined) this.#awaitingLogin.add(session);
        void session.begun().then(() => {
          this.#awaitingLogin.delete(session);
          resolve();
        });
      });
    });
  }
}

/** False for a client that asked for a smaller window: shared compressed frames use the full one. */
function sharesDeflate({ extensions }: WebSocket, { headers }: IncomingMessage): boolean {
  const offer = headers["sec-websocket-extensions"] ?? "";
  return extensions.includes("permessage-deflate") && !offer.includes("server_max_window_bits");
}

/** The request as hooks may see it: without credentials in headers and query. */
function aboutRequest({ socket, headers }: IncomingMessage): Omit<ConnectRequest, "claims"> {
  const { authorization, cookie, ...rest } = headers;
  return { ip: socket.remoteAddress ?? "", headers: rest };
}

/**
 * Owner of the errors of an upgraded socket, for its whole life: an `error` event without a listener ends the process.
 * One function for all sockets, because it stays on each of them.
 */
function destroyStream(this: Duplex): void {
  this.destroy();
}

/** Answers an upgrade request in HTTP and ends the socket, also when the client keeps its side open. */
function refuse(stream: Duplex, status: number, message: string): void {
  const timer = setTimeout(() => stream.destroy(), CLOSE_TIMEOUT_MS);
  stream.once("close", () => clearTimeout(timer));
  // An unread stream never reports that the client has ended it.
  stream.resume();
  const body = JSON.stringify({ error: { message } });
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

export {
  type Authenticator,
  type Credentials,
  developmentAuth,
  type Identity,
  isLoopback,
  type JwtOptions,
  jwt,
  type MintClaims,
} from "./auth/auth.ts";
export { type ApiPorts, createApi } from "./http/api.ts";
export { mountPage } from "./http/page.ts";
export {
  hardenedServer,
  type Listening,
  type ListenOptions,
  listen,
  reachableAddress,
} from "./http/server.ts";
export { createMetrics, type Metrics } from "./metrics/metrics.ts";
export { type Probe, sharedProbe } from "./probe.ts";
export { drainConnections } from "./socket/drain.ts";
export { Expiry } from "./socket/expiry.ts";
export { renewal } from "./socket/renewal.ts";
export type { Ended, SessionPorts } from "./socket/session.ts";
