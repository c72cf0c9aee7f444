import {
  isErrorCode,
  type Notice,
  type PositionFrame,
  type Positions,
  type PresenceFrame,
  type Push,
  TidingsError,
  type Welcome,
} from "../../protocol/protocol.ts";
import { SilenceWatch } from "../connection/liveness.ts";
import { type Ending, NO_CLOSE_FRAME, ReconnectingSocket, type SocketState } from "../connection/socket.ts";
import type { StatusListeners } from "../connection/status.ts";
import { Timers } from "../connection/timers.ts";
import type { InboundFrame } from "../messages/message.ts";
import type { ClientOptions } from "../options.ts";
import { type CallPlan, Calls } from "./calls.ts";
import { type Credentials, Login } from "./login.ts";

export interface SessionHandlers {
  /** The positions to resume from, asked for at every login. */
  resume(): Positions;
  /** Logged in; what was missed follows. */
  welcomed(welcome: Welcome): void;
  /** Everything that was missed is here, and what waited has gone out. */
  online(): void;
  push(push: Push): void;
  position(frame: PositionFrame): void;
  presence(frame: PresenceFrame): void;
  /** The connection ended, or could not be made. */
  ended(ending: Ending): void;
}

const LOGIN_FAILED = { retryable: 4004, final: 4500 };

/** A login that lasts over many connections: answers find their calls, and the rest of the frames their handlers. */
export class Session {
  readonly timers = new Timers();
  readonly #options: ClientOptions;
  readonly #handlers: SessionHandlers;
  readonly #statuses: StatusListeners;
  readonly #socket: ReconnectingSocket<Credentials | undefined>;
  readonly #calls: Calls;
  readonly #silence: SilenceWatch;
  readonly #login: Login;
  /** Counts connections, so that work for a former one can stop. */
  #connection = 0;

  constructor(options: ClientOptions, statuses: StatusListeners, handlers: SessionHandlers) {
    const { timers } = this;
    this.#options = options;
    this.#statuses = statuses;
    this.#handlers = handlers;
    this.#socket = new ReconnectingSocket(options, timers, {
      prepare: (attempt) => this.#prepare(attempt),
      opened: (credentials) => this.#opened(credentials),
      text: (text) => this.#text(text),
      ended: (ending) => this.#ended(ending),
    });
    const write = (text: string): void => this.#socket.write(text);
    this.#calls = new Calls({ queueLimit: options.queueLimit, timers, write });
    this.#silence = new SilenceWatch({
      timers,
      ping: () => write('{"type":"ping"}'),
      lost: () => this.#socket.fail(NO_CLOSE_FRAME, "nothing was heard from the server"),
    });
    this.#login = new Login(options, timers, {
      renew: (credentials) => this.#renew(credentials),
      failed: (error) => {
        // Without the connection there is nothing to renew any more.
        if (this.isOnline) this.#statuses.report("token", error);
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
    this.#socket.start();
  }

  /** Sends a message or request. @returns the `data` of its reply */
  call(fields: object, plan: CallPlan): Promise<unknown> {
    return this.#calls.call(fields, plan);
  }

  /** Requests an action; one that may be done twice is repeated when the connection breaks before the answer. */
  request(
    action: string,
    data: unknown,
    { idempotent = true, timeoutMs = this.#options.timeoutMs } = {},
  ): Promise<unknown> {
    const plan = { queued: true, repeated: idempotent, timeoutMs, timedFrom: "call" } as const;
    return this.#calls.call({ action, data }, plan);
  }

  /** Repeats a task that fails for now, as long as the connection lasts. Rejects when it fails for good. */
  async insist(task: () => Promise<unknown>): Promise<void> {
    const connection = this.#connection;
    while (connection === this.#connection) {
      try {
        await task();
        return;
      } catch (error) {
        if (!(error instanceof TidingsError) || !error.retryable) throw error;
        await this.timers.pause(this.#options.reconnect.minMs);
      }
    }
  }

  /** Ends for good; what waits is rejected. */
  close(): Promise<void> {
    this.#clear(new TidingsError("unavailable", "the client is closed"));
    return this.#socket.stop();
  }

  async #prepare(attempt: number): Promise<{ url: string; opening: Credentials | undefined }> {
    this.#statuses.emit({ type: "connecting", attempt });
    try {
      const opening = await this.#login.credentials();
      const url =
        opening === undefined ? this.#login.urlWith(this.#handlers.resume()) : this.#options.url.href;
      return { url, opening };
    } catch (cause) {
      this.#statuses.report("token", cause);
      throw new TidingsError("unauthorized", "the token provider failed", { cause });
    }
  }

  #opened(credentials: Credentials | undefined): void {
    if (credentials === undefined) return;
    const data = this.#login.data(credentials, this.#handlers.resume());
    // The time to connect covers the login as well.
    const plan: CallPlan = {
      queued: false,
      repeated: false,
      timeoutMs: Number.POSITIVE_INFINITY,
      timedFrom: "call",
    };
    this.#calls.login({ action: "robot.login", data }, plan).then(
      () => this.#goOnline(),
      (error) => this.#loginRefused(error),
    );
  }

  #loginRefused(error: TidingsError): void {
    // When the connection ended meanwhile, that is told already.
    if (this.state !== "connecting" && this.state !== "open") return;
    this.#statuses.report("server", error);
    this.#socket.fail(error.retryable ? LOGIN_FAILED.retryable : LOGIN_FAILED.final, error.message);
  }

  #goOnline(): void {
    if (this.state !== "open") return;
    this.#calls.online();
    this.#handlers.online();
  }

  async #renew(credentials: Credentials): Promise<unknown> {
    return this.isOnline ? this.request("robot.login", credentials, { idempotent: false }) : undefined;
  }

  #text(text: string): void {
    this.#silence.heard();
    try {
      this.#frame(JSON.parse(text));
    } catch (error) {
      this.#statuses.report("frame", error);
    }
  }

  /** The casts trust the server to speak the protocol; a frame that breaks it is reported by `#text`. */
  #frame(frame: InboundFrame): void {
    switch (frame.type) {
      case undefined:
        this.#answer(frame);
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
        break;
      case "pong":
        break;
      default:
        this.#handlers.push(frame as Push);
    }
  }

  #answer({ id, data, error }: InboundFrame): void {
    if (error === undefined) {
      if (typeof id === "number") this.#calls.answer(id, data);
      return;
    }
    const { code, message = "" } = error;
    const refusal = new TidingsError(isErrorCode(code) ? code : "internal", message);
    const isExpected = typeof id === "number" && this.#calls.refuse(id, refusal);
    if (!isExpected) this.#statuses.report("server", refusal);
  }

  #welcome(welcome: Welcome): void {
    this.#socket.welcomed();
    this.#calls.welcomed(welcome.limits.messageBytes);
    this.#silence.start(welcome.heartbeatMs);
    this.#login.endsAt(welcome.expiresAt);
    this.#handlers.welcomed(welcome);
    this.#statuses.emit({ type: "open", welcome });
    // A login by the request is not answered: there is nothing more to wait for.
    if (!this.#login.isByMessage) this.#goOnline();
  }

  #notice({ code, message, data, reconnectMs }: Notice): void {
    if (reconnectMs !== undefined) this.#socket.comeBackAfter(reconnectMs);
    if (code === "token_expiring") void this.#login.renew();
    this.#statuses.emit({ type: "notice", code, message, data });
  }

  #ended(ending: Ending): void {
    this.#connection++;
    this.#silence.stop();
    this.#login.stop();
    this.#handlers.ended(ending);
    this.#calls.offline();
    const { code, reason, willRetry } = ending;
    if (!willRetry) this.#clear(endedBy(code, reason));
    this.#statuses.emit({ type: "closed", ...ending });
  }

  #clear(error: TidingsError): void {
    this.#connection++;
    this.timers.close();
    this.#calls.close(error);
  }
}

/** The error of everything that waits when the server ends the connection for good. */
export function endedBy(code: number, reason: string): TidingsError {
  return new TidingsError(code === 4500 ? "unauthorized" : "unavailable", `closed with ${code}: ${reason}`);
}
