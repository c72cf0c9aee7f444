import type {
  AckedFrame,
  Notice,
  PositionFrame,
  PresenceFrame,
  Push,
  RoomFrame,
  TidingsError,
  Welcome,
} from "../../protocol/protocol.ts";
import { Liveness } from "../connection/liveness.ts";
import { onPage, WAKING } from "../connection/page.ts";
import { type Ending, NO_CLOSE_FRAME, ReconnectingSocket, type SocketState } from "../connection/socket.ts";
import type { Status, StatusListeners } from "../connection/status.ts";
import { Timers } from "../connection/timers.ts";
import type { ClientOptions } from "../options.ts";
import { type CallPlan, Calls } from "./calls.ts";
import { closeCodeOf, endedBy, REFUSED } from "./ending.ts";
import type { InboundFrame } from "./inbound-frame.ts";
import { type Credentials, Login, type Resume } from "./login.ts";
import { quiet } from "./quiet.ts";

export type { CallPlan } from "./calls.ts";
export type { Resume } from "./login.ts";
export { quiet };

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
  /** Called when a connection or an attempt to connect ended. @param final the cause when no attempt follows */
  ended(final: TidingsError | undefined): void;
}

export interface CallOptions {
  /** Rejects the call with the signal's reason, for example `AbortSignal.timeout(5_000)` as a deadline. */
  readonly signal?: AbortSignal | undefined;
}

export interface RequestPlan extends CallOptions {
  readonly idempotent?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
}

/** The socket's timeout covers the login as well. */
const LOGIN_PLAN: CallPlan = { timeoutMs: Number.POSITIVE_INFINITY };

/** Requests at a time that complete a login: as many as a server handles of one connection at once. */
const BATCH = 32;

/** A login that continues over many connections. It passes replies to their calls, and other frames to the handlers. */
export class Session {
  readonly timers = new Timers();
  /** Reports an error of the server that has no caller. */
  readonly report = (error: unknown): void => this.#statuses.report("server", error);
  readonly #options: ClientOptions;
  readonly #handlers: SessionHandlers;
  readonly #statuses: StatusListeners;
  readonly #socket: ReconnectingSocket<Credentials | undefined>;
  readonly #calls: Calls;
  readonly #liveness: Liveness;
  readonly #login: Login;
  #stopWaking: (() => void) | undefined;
  /** False when the URL or cookies carry the credentials. */
  #isByMessage = false;
  /** Number of the present connection. A task with another number belongs to an earlier one and stops. */
  #connection = 0;

  constructor(options: ClientOptions, statuses: StatusListeners, handlers: SessionHandlers) {
    const { timers } = this;
    this.#options = options;
    this.#statuses = statuses;
    this.#handlers = handlers;
    this.#socket = new ReconnectingSocket(options, timers, {
      prepare: (attempt) => this.#prepare(attempt),
      open: (credentials) => this.#opened(credentials),
      text: (text) => this.#text(text),
      willRetry: (code) => this.#login.willRetry(code),
      ended: (ending) => this.#ended(ending),
    });
    const write = (text: string): void => this.#socket.write(text);
    const probe = (): void => this.#liveness.probe();
    const { report } = this;
    this.#calls = new Calls({ queueLimit: options.queueLimit, timers, write, probe, report });
    this.#liveness = new Liveness({
      timers,
      ping: () => write('{"type":"ping"}'),
      proven: () => this.#calls.proven(),
      lost: (reason) => this.#socket.fail(NO_CLOSE_FRAME, reason, { retryNow: true }),
    });
    this.#login = new Login(options, timers, {
      renew: async (credentials) =>
        this.isOnline ? this.request("robot.login", credentials, { idempotent: false }) : undefined,
      failed: (error) => {
        // After the connection ended there is no login to renew, so the error does not matter.
        if (this.isOnline) statuses.report("token", error);
      },
    });
  }

  get state(): SocketState {
    return this.#socket.state;
  }

  get isOnline(): boolean {
    return this.#calls.isOnline;
  }

  start(): void {
    // The application may have closed or paused the client in the task that made it.
    if (this.state === "closed") return;
    this.#stopWaking = onPage(WAKING, (wasHidden) => {
      if (this.state !== "paused" && !wasHidden) this.connect();
    });
    if (this.state === "waiting") this.#socket.hasten();
  }

  /** Starts an attempt now, or demands a proof of life from an open connection. */
  connect(): void {
    this.#socket.hasten();
    this.#liveness.probe();
  }

  /** Ends the connection until `connect`. Calls wait, unless there is an error to reject them with. */
  pause(error?: TidingsError): void {
    if (this.state === "paused" || this.state === "closed") return;
    this.#socket.pause();
    this.#offline();
    if (error) this.#calls.rejectAll(error);
    this.#statuses.emit({ type: "paused" });
  }

  /** Sends a message or request. Resolves with the `data` of its reply. */
  call(fields: object, plan: CallPlan): Promise<unknown> {
    return this.#calls.call(fields, plan);
  }

  /** Requests an action. An idempotent request is repeated when the connection ends before the reply. */
  request(
    action: string,
    data: unknown,
    { idempotent = true, timeoutMs = this.#options.timeoutMs, signal }: RequestPlan = {},
  ): Promise<unknown> {
    const plan = { queued: true, repeated: idempotent, timeoutMs, signal };
    return quiet(this.#calls.call({ action, data }, plan));
  }

  /** Repeats a task after retryable errors, until the connection ends. Rejects with the first error that is final. */
  async insist(task: () => Promise<unknown>): Promise<void> {
    const connection = this.#connection;
    while (connection === this.#connection) {
      try {
        await task();
        return;
      } catch (error) {
        if (!isRetryable(error)) throw error;
        await this.timers.pause(Math.max(this.#options.reconnect.minMs, error.retryAfterMs ?? 0));
      }
    }
  }

  /** Closes for good and rejects the pending calls. */
  close(error: TidingsError): Promise<void> {
    this.#stop(error);
    return this.#socket.stop();
  }

  async #prepare(attempt: number): Promise<{ url: string; opening: Credentials | undefined }> {
    this.#statuses.emit({ type: "connecting", attempt });
    try {
      const opening = await this.#login.credentials();
      const url = opening ? this.#options.url : this.#login.url(this.#handlers.resume);
      return { url, opening };
    } catch (cause) {
      this.#statuses.report("token", cause);
      throw cause;
    }
  }

  #opened(credentials: Credentials | undefined): void {
    this.#isByMessage = Boolean(credentials);
    if (!credentials) return;
    const data = this.#login.data(credentials, this.#handlers.resume);
    const connection = this.#connection;
    this.#calls.call({ action: "robot.login", data }, LOGIN_PLAN, true).then(
      () => this.#goOnline(),
      (error) => {
        // The connection may have ended meanwhile; its end is reported already.
        if (connection === this.#connection) this.#loginRefused(error);
      },
    );
  }

  #loginRefused(error: TidingsError): void {
    this.report(error);
    const { message, retryAfterMs } = error;
    const code = closeCodeOf(error.code);
    if (retryAfterMs) this.#socket.reconnectAfter(retryAfterMs);
    // Another token may be accepted.
    this.#socket.fail(code, message, { final: code > REFUSED ? error : undefined });
  }

  /** Completes the login in batches, then writes the queued calls. */
  async #goOnline(): Promise<void> {
    if (this.state !== "open") return;
    const connection = this.#connection;
    const rest = this.#handlers.rest();
    while (rest[0]) {
      const batch = rest
        .splice(0, BATCH)
        .map((request) => this.insist(() => this.#calls.call(request, LOGIN_PLAN)).catch(this.report));
      await Promise.all(batch);
      if (connection !== this.#connection) return;
    }
    this.#calls.online();
    this.#handlers.online();
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
    if (frame.type !== undefined) {
      if (frame.type === "pong") this.#liveness.pong();
      else this.#handlers.push(frame as Push);
      return;
    }
    switch (frame.event) {
      case undefined:
        this.#calls.receive(frame);
        break;
      case "welcome":
        this.#welcome(frame as Welcome);
        break;
      case "position":
      case "presence":
        this.#handlers[frame.event](frame as PositionFrame & PresenceFrame);
        break;
      case "notice":
      case "acked":
      case "room":
        this.#told(frame as Notice | AckedFrame | RoomFrame);
    }
  }

  #welcome(welcome: Welcome): void {
    this.#socket.welcomed();
    this.#login.welcomed();
    this.#calls.welcomed(welcome.limits.messageBytes);
    this.#liveness.start(welcome.heartbeatMs);
    this.#login.scheduleRenewal(welcome.expiresAt);
    this.#handlers.welcomed(welcome);
    this.#statuses.emit({ type: "open", welcome });
    // A login by the URL or cookies has no reply to wait for.
    if (!this.#isByMessage) void this.#goOnline();
  }

  #told({ event, ...fields }: Notice | AckedFrame | RoomFrame): void {
    const { code, reconnectMs } = fields as Partial<Notice>;
    if (reconnectMs) this.#socket.reconnectAfter(reconnectMs);
    if (code === "token_expiring") this.#login.expiring();
    this.#statuses.emit({ ...fields, type: event } as Status);
  }

  #ended({ error: cause, ...ending }: Ending): void {
    const error = ending.willRetry ? undefined : (cause ?? endedBy(ending.code, ending.reason));
    if (error) this.#stop(error);
    this.#offline(error);
    this.#statuses.emit({ type: "closed", ...ending, ...(error && { error }) });
  }

  #offline(final?: TidingsError): void {
    this.#connection++;
    this.#liveness.stop();
    this.#login.stop();
    this.#handlers.ended(final);
    this.#calls.offline();
  }

  #stop(error: TidingsError): void {
    this.#connection++;
    this.#stopWaking?.();
    this.timers.close();
    this.#calls.close(error);
  }
}

/** Whatever has the fields of a TidingsError counts as one. */
export const isRetryable = (error: unknown): error is TidingsError =>
  (error as TidingsError | undefined)?.retryable === true;
