import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";
import { type Authorize, assertAllowed, type Inbound } from "../actions/actions.ts";
import type { Connection, Local } from "../local/local.ts";
import { Members } from "../members/members.ts";
import {
  CLOSE,
  type CloseCause,
  classifyClose,
  DIALECT,
  type DisconnectClass,
  encodeReply,
  encodeServerFrame,
  isChannel,
  type TidingsError,
  targetOf,
  toTidingsError,
} from "../protocol/protocol.ts";
import type { ConnectRequest, Hooks } from "../publish/publish.ts";
import type { Authenticator, Identity } from "./auth.ts";
import type { Expiry } from "./expiry.ts";
import { Inbox } from "./inbox.ts";
import { awaitLogin, type LoggedIn } from "./login.ts";
import type { LoginRequest } from "./request.ts";
import { WsTransport } from "./transport.ts";

export interface SessionPorts {
  readonly local: Local;
  readonly members: Members;
  readonly inbound: Inbound;
  readonly hooks: Hooks;
  readonly authorize: Authorize;
  readonly authenticator: Authenticator;
  readonly expiry: Expiry;
  /** This node's id. */
  readonly node: string;
  readonly heartbeatMs: number;
  readonly maxMessageBytes: number;
  readonly loginTimeoutMs: number;
  /** A connection was admitted. */
  readonly connected: (connection: Connection) => void;
  /** A WebSocket has ended; `connection` is undefined when nobody had logged in. */
  readonly disconnected: (ended: Ended, connection: Connection | undefined) => void;
}

export interface Ended {
  readonly cause: DisconnectClass;
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket that was just opened. */
export interface Opened {
  readonly socket: WebSocket;
  readonly stream: Socket;
  readonly deflate: boolean;
  /** The request as hooks may see it. */
  readonly request: () => Omit<ConnectRequest, "claims">;
  readonly login: LoginRequest;
  /** Who it is, when the request brought credentials. */
  readonly identity: Identity | undefined;
}

/** The life of one WebSocket: login, admission, messages, end. */
export class Session {
  readonly #ports: SessionPorts;
  readonly #socket: WebSocket;
  #connection: Connection | undefined;
  #closeCause: CloseCause | undefined;
  /** Where messages wait until the connection is admitted. */
  #inbox: Inbox | undefined;
  /** Pending until the connection is admitted or refused; never rejects. */
  #beginning: Promise<void> | undefined;

  constructor(ports: SessionPorts, opened: Opened) {
    this.#ports = ports;
    this.#socket = opened.socket;
    this.#inbox = new Inbox(ports.maxMessageBytes);
    opened.socket.on("message", (data: RawData, isBinary: boolean) => this.#message(data, isBinary));
    opened.socket.on("close", (code: number, reason: Buffer) => void this.#end(code, reason.toString()));
    opened.socket.on("error", ignoreError);
    this.#beginning = this.#begin(opened).then(() => {
      this.#beginning = undefined;
    });
  }

  /** Resolves when the connection is admitted or refused. */
  async begun(): Promise<void> {
    await this.#beginning;
  }

  /** True while nothing has come that could be a login. */
  get isSilent(): boolean {
    return this.#inbox?.isAwaited ?? false;
  }

  /** Ends a connection that has not logged in. */
  giveUp(cause: "drain" | "login_timeout"): void {
    this.#close(cause);
    this.#inbox?.end();
  }

  async #begin(opened: Opened): Promise<void> {
    try {
      const loggedIn = await this.#login(opened);
      if (loggedIn !== undefined) await this.#admit(opened, loggedIn);
    } catch (thrown) {
      this.#failed("login", thrown);
    }
  }

  #failed(stage: string, thrown: unknown): void {
    const error = toTidingsError(thrown);
    if (error !== thrown) this.#ports.hooks.emit("error", { stage, error: thrown });
    this.#close(closeCauseOf(error), error.code === "internal" ? undefined : error.message);
  }

  async #login({ login, identity, socket }: Opened): Promise<LoggedIn | undefined> {
    if (identity !== undefined) return { login, identity };
    const { authenticator, loginTimeoutMs } = this.#ports;
    const inbox = this.#inbox;
    return inbox && awaitLogin(socket, inbox, authenticator, loginTimeoutMs);
  }

  async #admit(opened: Opened, { identity, login, answer }: LoggedIn): Promise<void> {
    const { hooks, members, expiry, connected } = this.#ports;
    const connection = this.#makeConnection(opened, identity, login);
    if (hooks.has("connect")) {
      const request = { ...opened.request(), claims: identity.claims ?? {} };
      await hooks.ask("connect", { connection, request });
    }
    const { allowed, refused } = await this.#groupsToJoin(connection.user, login);
    const catchUp = await members.admit(
      connection,
      this.#welcome(connection, identity),
      login.resume,
      allowed,
    );
    if (catchUp === undefined) return this.#close("limit");
    for (const group of refused) connection.send(forbiddenNotice(connection.user, group));
    expiry.set(connection, identity.expiresAt);
    connected(connection);
    this.#startReading(connection);
    const { user, id, platform } = connection;
    const reply = { user, connection: id, platform, expiresAt: identity.expiresAt };
    const caughtUp = (): void => answer && connection.send(encodeReply(answer, reply));
    catchUp().then(caughtUp, (thrown: unknown) => this.#failed("replay", thrown));
  }

  #makeConnection({ socket, stream, deflate }: Opened, identity: Identity, login: LoginRequest): Connection {
    const { local, node } = this.#ports;
    const platform = identity.platform ?? login.platform ?? "web";
    const device = login.device ?? platform;
    const id = randomBytes(12).toString("base64url");
    const who = { id, user: identity.user, platform, device, node, connectedAt: Date.now() };
    this.#connection = local.connection(who, new WsTransport(socket, stream, deflate));
    return this.#connection;
  }

  #welcome({ id, user, platform }: Connection, { expiresAt }: Identity): string {
    const { node, heartbeatMs, maxMessageBytes } = this.#ports;
    const limits = { messageBytes: maxMessageBytes };
    const type = "welcome";
    return encodeServerFrame({
      type,
      protocol: DIALECT,
      connection: id,
      user,
      platform,
      node,
      heartbeatMs,
      expiresAt,
      limits,
    });
  }

  /** The groups that the client names in its positions, as far as it may still join them. */
  async #groupsToJoin(
    user: string,
    { resume }: LoginRequest,
  ): Promise<{ allowed: string[]; refused: string[] }> {
    const allowed: string[] = [];
    const refused: string[] = [];
    for (const channel of Object.keys(resume)) {
      if (!isChannel(channel)) continue;
      const { group } = targetOf(channel);
      if (group === undefined) continue;
      const may = await assertAllowed(this.#ports.authorize, user, "join", channel).then(
        () => true,
        () => false,
      );
      (may && allowed.length < Members.maxGroups ? allowed : refused).push(group);
    }
    return { allowed, refused };
  }

  #message(data: RawData, isBinary: boolean): void {
    if (isBinary) this.#binary(data);
    else if (this.#inbox !== undefined) this.#early(this.#inbox, data.toString());
    else if (this.#connection?.state === "open") this.#ports.inbound.text(this.#connection, data.toString());
  }

  #early(inbox: Inbox, text: string): void {
    inbox.push(text);
    if (inbox.isFull) this.#socket.pause();
  }

  #binary(data: RawData): void {
    const { hooks } = this.#ports;
    const connection = this.#connection;
    if (connection === undefined || !hooks.has("binary") || !Buffer.isBuffer(data)) {
      this.#socket.close(1003, "binary messages are not accepted");
    } else {
      hooks.emit("binary", { connection, bytes: data });
    }
  }

  #startReading(connection: Connection): void {
    const early = this.#inbox?.takeAll() ?? [];
    this.#inbox = undefined;
    this.#socket.resume();
    for (const text of early) this.#ports.inbound.text(connection, text);
  }

  #close(cause: CloseCause, reason: string = CLOSE[cause].reason): void {
    this.#closeCause = cause;
    if (this.#connection === undefined) this.#socket.close(CLOSE[cause].code, reason);
    else this.#connection.close(cause, reason);
  }

  async #end(code: number, reason: string): Promise<void> {
    const connection = this.#connection;
    connection?.closed();
    this.#inbox?.end();
    await this.#beginning;
    const cause = connection?.closeCause ?? this.#closeCause ?? classifyClose(code);
    // The connection may have come to be while the login was still on its way.
    const known = this.#connection;
    if (known !== undefined) {
      this.#ports.expiry.delete(known);
      await this.#ports.members.dismiss(known);
    }
    this.#ports.disconnected({ cause, code, reason }, known);
  }
}

/** The library closes with the right code by itself; the event must have a listener. */
const ignoreError = (): void => undefined;

/** How a login that failed ends the connection. */
function closeCauseOf({ code }: TidingsError): CloseCause {
  if (code === "timeout") return "login_timeout";
  if (code === "unauthorized") return "unauthorized";
  if (code === "bad_request") return "protocol";
  return code === "refused" || code === "forbidden" ? "refused" : "error";
}

const forbiddenNotice = (user: string, group: string): string =>
  encodeServerFrame({
    type: "notice",
    code: "forbidden",
    message: `${user} may not join group:${group}`,
    data: { channel: `group:${group}` },
  });
