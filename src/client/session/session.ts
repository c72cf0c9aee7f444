import {
  type Notice,
  type PositionFrame,
  type PresenceFrame,
  type Push,
  TidingsError,
  type Welcome,
} from "../../protocol/protocol.ts";
import { Liveness } from "../connection/liveness.ts";
import { type Ending, NO_CLOSE_FRAME, ReconnectingSocket, type SocketState } from "../connection/socket.ts";
import type { StatusListeners } from "../connection/status.ts";
import { Timers } from "../connection/timers.ts";
import type { ClientOptions } from "../options.ts";
import { type CallPlan, Calls } from "./calls.ts";
import type { InboundFrame } from "./inbound-frame.ts";
import { type Credentials, Login, type Resume } from "./login.ts";

export type { CallPlan } from "./calls.ts";
export type { Resume } from "./login.ts";

/** A request that completes a login. */
export interface RestRequest {
  readonly action: string;
  readonly data: object;
}

export interface SessionHandlers {
  /** Returns the positions to recover from, as far as there is room. Called at every login. */
  resume: Resume;
  /** Returns the requests for the positions that the login had no room for. */
  rest(): RestRequest[];
  /** Called after the login. The missed messages follow. */
  welcomed(welcome: Welcome): void;
  /** Called when all missed messages have arrived and the queued calls are written. */
  online(): void;
  push(push: Push): void;
  position(frame: PositionFrame): void;
  presence(frame: PresenceFrame): void;
  /** Called when a connection or an attempt to connect ended. */
  ended(ending: Ending): void;
}

/** Close codes of the client's own for a login that the server refused: retry, or give up. */
const LOGIN_FAILED = { retryable: 4004, expired: 4005, final: 4500 };

/** The socket's timeout covers the login as well. */
const LOGIN_PLAN: CallPlan = {
  queued: false,
  repeated: false,
  timeoutMs: Number.POSITIVE_INFINITY,
  timedFrom: "call",
};

/** Requests at a time that complete a login: as many as a server handles of one connection at once. */
const BATCH = 32;

/** A login that continues over many connections. It passes replies to their calls, and other frames to the handlers. */
export class Session {
  readonly timers = new Timers();
  readonly #options: ClientOptions;
  readonly #handlers: SessionHandlers;
  readonly #statuses: StatusListeners;
  readonly #socket: ReconnectingSocket<Credentials | undefined>;
  readonly #calls: Calls;
  readonly #liveness: Liveness;
  readonly #login: Login;
  /** Number of the present connection. A task with another number belongs to an earlier one and stops. */
  #connection = 0;

  constructor(options: ClientOptions, statuses: StatusListeners, handlers: SessionHandlers) {
    const { timers } = this;
    this.#options = options;
    this.#statuses = statuses;
    this.#handlers = handlers;
    this.#socket = this.#makeSocket();
    const write = (text: string): void => this.#socket.write(text);
    this.#calls = new Calls({ queueLimit: options.queueLimit, timers, write });
    this.#liveness = new Liveness({
      timers,
      ping: () => write('{"type":"ping"}'),
      lost: () => this.#socket.fail(NO_CLOSE_FRAME, "no frame from the server for two heartbeats"),
    });
    this.#login = this.#makeLogin();
  }

  get state(): SocketState {
    return this.#socket.state;
  }

  get isOnline(): boolean {
    return this.#calls.isOnline;
  }

  start(): void {
    this.#socket.start();
  }

  /** Sends a message or request. Resolves with the `data` of its reply. */
  call(fields: object, plan: CallPlan): Promise<unknown> {
    return this.#calls.call(fields, plan);
  }

  /** Requests an action. An idempotent request is repeated when the connection ends before the reply. */
  request(
    action: string,
    data: unknown,
    { idempotent = true, timeoutMs = this.#options.timeoutMs } = {},
  ): Promise<unknown> {
    const plan = { queued: true, repeated: idempotent, timeoutMs, timedFrom: "call" } as const;
    return this.#calls.call({ action, data }, plan);
  }

  /** Repeats a task after retryable errors, until the connection ends. Rejects with the first error that is final. */
  async insist(task: () => Promise<unknown>): Promise<void> {
    const connection = this.#connection;
    while (connection === this.#connection) {
      try {
        await task();
        return;
      } catch (error) {
        if (!(error instanceof TidingsError) || !error.retryable) throw error;
        await this.timers.pause(Math.max(this.#options.reconnect.minMs, error.retryAfterMs ?? 0));
      }
    }
  }

  /** Closes for good and rejects the pending calls. */
  close(): Promise<void> {
    this.#stop(new TidingsError("unavailable", "the client is closed"));
    return this.#socket.stop();
  }

  #makeSocket(): ReconnectingSocket<Credentials | undefined> {
    return new ReconnectingSocket(this.#options, this.timers, {
      prepare: (attempt) => this.#prepare(attempt),
      opened: (credentials) => this.#opened(credentials),
      text: (text) => this.#text(text),
      ended: (ending) => this.#ended(ending),
    });
  }

  #makeLogin(): Login {
    return new Login(this.#options, this.timers, {
      renew: (credentials) => this.#renew(credentials),
      failed: (error) => {
        // After the connection ended there is no login to renew, so the error does not matter.
        if (this.isOnline) this.#statuses.report("token", error);
      },
    });
  }

  async #prepare(attempt: number): Promise<{ url: string; opening: Credentials | undefined }> {
    this.#statuses.emit({ type: "connecting", attempt });
    try {
      const opening = await this.#login.credentials();
      const url = opening === undefined ? this.#login.urlWith(this.#handlers.resume) : this.#options.url.href;
      return { url, opening };
    } catch (cause) {
      this.#statuses.report("token", cause);
      throw new TidingsError("unauthorized", "the token provider failed", { cause });
    }
  }

  #opened(credentials: Credentials | undefined): void {
    if (credentials === undefined) return;
    const data = this.#login.data(credentials, this.#handlers.resume);
    this.#calls.login({ action: "robot.login", data }, LOGIN_PLAN).then(
      () => this.#goOnline(),
      (error) => this.#loginRefused(error),
    );
  }

  #loginRefused(error: TidingsError): void {
    // The connection may have ended meanwhile; its end is reported already.
    if (this.state !== "connecting" && this.state !== "open") return;
    this.#statuses.report("server", error);
    const { code, message, retryable, retryAfterMs } = error;
    if (retryAfterMs !== undefined) this.#socket.reconnectAfter(retryAfterMs);
    if (code === "token_expired") this.#socket.fail(LOGIN_FAILED.expired, message);
    else this.#socket.fail(retryable ? LOGIN_FAILED.retryable : LOGIN_FAILED.final, message);
  }

  /** Completes the login in batches, then writes the queued calls. */
  async #goOnline(): Promise<void> {
    if (this.state !== "open") return;
    const connection = this.#connection;
    const rest = this.#handlers.rest();
    while (rest.length > 0) {
      await Promise.all(rest.splice(0, BATCH).map((request) => this.#complete(request)));
      if (connection !== this.#connection) return;
    }
    this.#calls.online();
    this.#handlers.online();
  }

  #complete(request: RestRequest): Promise<void> {
    const failed = (error: unknown): void => this.#statuses.report("server", error);
    return this.insist(() => this.#calls.call(request, LOGIN_PLAN)).catch(failed);
  }

  async #renew(credentials: Credentials): Promise<unknown> {
    return this.isOnline ? this.request("robot.login", credentials, { idempotent: false }) : undefined;
  }

  #text(text: string): void {
    this.#liveness.heard();
    try {
      this.#frame(JSON.parse(text));
    } catch (error) {
      this.#statuses.report("frame", error);
    }
  }

  /** The casts trust the server to follow the protocol. `#text` reports a frame that breaks it. */
  #frame(frame: InboundFrame): void {
    if (frame.type === "pong") return;
    if (frame.type !== undefined) {
      this.#handlers.push(frame as Push);
      return;
    }
    switch (frame.event) {
      case undefined:
        this.#reply(frame);
        break;
      case "welcome":
        this.#welcome(frame as Welcome);
        break;
      case "position":
        this.#handlers.position(frame as PositionFrame);
        break;
      case "notice":
        this.#notice(frame as Notice);
        break;
      case "presence":
        this.#handlers.presence(frame as PresenceFrame);
    }
  }

  #reply(frame: InboundFrame): void {
    const unexpected = this.#calls.receive(frame);
    if (unexpected !== undefined) this.#statuses.report("server", unexpected);
  }

  #welcome(welcome: Welcome): void {
    this.#socket.welcomed();
    this.#calls.welcomed(welcome.limits.messageBytes);
    this.#liveness.start(welcome.heartbeatMs);
    this.#login.scheduleRenewal(welcome.expiresAt);
    this.#handlers.welcomed(welcome);
    this.#statuses.emit({ type: "open", welcome });
    // A login by the URL or cookies has no reply to wait for.
    if (!this.#login.isByMessage) void this.#goOnline();
  }

  #notice({ code, message, data, reconnectMs }: Notice): void {
    if (reconnectMs !== undefined) this.#socket.reconnectAfter(reconnectMs);
    if (code === "token_expiring") void this.#login.renew();
    this.#statuses.emit({ type: "notice", code, message, data });
  }

  #ended(ending: Ending): void {
    this.#connection++;
    this.#liveness.stop();
    this.#login.stop();
    this.#handlers.ended(ending);
    this.#calls.offline();
    const { code, reason, willRetry } = ending;
    if (!willRetry) this.#stop(endedBy(code, reason));
    this.#statuses.emit({ type: "closed", ...ending });
  }

  #stop(error: TidingsError): void {
    this.#connection++;
    this.timers.close();
    this.#calls.close(error);
  }
}

/** The error of pending calls when the server closed the connection for good. */
export function endedBy(code: number, reason: string): TidingsError {
  return new TidingsError(
    code === 4500 ? "unauthorized" : "unavailable",
    `the server closed the connection with ${code}: ${reason}`,
  );
}
