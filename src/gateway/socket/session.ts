import { type Inbound, limitNotice } from "../../actions/actions.ts";
import type { Connection } from "../../local/local.ts";
import {
  CLOSE,
  type CloseCause,
  classifyClose,
  type DisconnectClass,
  encodeError,
  encodeReply,
  TidingsError,
  toTidingsError,
} from "../../protocol/protocol.ts";
import type { RefusedClient } from "../../publish/publish.ts";
import { type Authenticator, isPending } from "../auth/auth.ts";
import type { ServerSocket, SocketEvents } from "../websocket/websocket.ts";
import { type AdmissionPorts, admit, makeConnection, type Opened } from "./admission.ts";
import { EarlyMessages } from "./early-messages.ts";
import type { Expiry } from "./expiry.ts";
import { awaitLogin, type LoggedIn, unverified } from "./login.ts";
import { closeCauseOf, refusedClient } from "./refusal.ts";
import type { UnfinishedMessages, Watched } from "./unfinished.ts";

export interface SessionPorts extends AdmissionPorts {
  readonly inbound: Inbound;
  readonly authenticator: Authenticator;
  readonly expiry: Expiry;
  readonly loginTimeoutMs: number;
  /** Bytes that a client may send before its login is accepted. */
  readonly maxLoginBytes: number;
  readonly unfinished: UnfinishedMessages;
  /** Called when a connection is admitted. */
  readonly connected: (connection: Connection, requestId: string) => void;
  /** Called when a WebSocket is closed because of its login, or because the connection is not admitted. The user may not be known. */
  readonly refused: (client: RefusedClient, user?: string) => void;
  /** Called when a WebSocket has ended; `connection` is undefined without an accepted login. */
  readonly disconnected: (ended: Ended, connection: Connection | undefined) => void;
}

export interface Ended {
  readonly cause: DisconnectClass;
  readonly code: number;
  readonly reason: string;
  /** Address of the client. */
  readonly address: string;
  /** Id of the request that asked for the WebSocket. */
  readonly requestId: string;
}

/**
 * State of a session. `awaiting login`: its identity is unknown. `admitting`: hook, policy and backplane decide.
 * `open`: texts go to the actions. `closing`: the server or the client has ended the session.
 */
type State = "awaiting login" | "admitting" | "open" | "closing";

/** Life cycle of one WebSocket: login, admission, messages, end. */
export class Session implements Watched, SocketEvents {
  readonly #ports: SessionPorts;
  readonly socket: ServerSocket;
  // Not the request: its header fields would cost as much memory as the connection, for as long as it lives.
  readonly #address: string;
  readonly #requestId: string;
  #state: State = "awaiting login";
  #connection: Connection | undefined;
  #closeCause: CloseCause | undefined;
  /** Texts that came before `open`. */
  #early: EarlyMessages | undefined;
  /** Pending until the connection is admitted or refused; never rejects. */
  #beginning: Promise<void> | undefined;

  constructor(ports: SessionPorts, opened: Opened) {
    this.#ports = ports;
    this.socket = opened.socket;
    this.#early = new EarlyMessages(ports.maxLoginBytes);
    this.#address = opened.request.address;
    this.#requestId = opened.request.id;
    opened.socket.listen(this);
    this.#beginning = this.#begin(opened).then(() => {
      this.#beginning = undefined;
    });
  }

  /** Resolves when the connection is admitted or refused. */
  async begun(): Promise<void> {
    await this.#beginning;
  }

  /** True while the client has sent nothing that could be a login. */
  get isSilent(): boolean {
    return this.#early?.isAwaited ?? false;
  }

  get isEarly(): boolean {
    return this.#early !== undefined;
  }

  received(bytes: number): void {
    this.#ports.unfinished.received(this, bytes);
    if (this.#early !== undefined && this.#state !== "closing") this.#countEarly(this.#early, bytes);
  }

  end(cause: CloseCause, reason?: string, atOnce = false): void {
    if (this.#state !== "closing") this.#close(cause, reason);
    if (atOnce) this.socket.terminate();
  }

  /** Ends a session that has not logged in. */
  giveUp(cause: "drain" | "login_timeout"): void {
    this.#close(cause);
    this.#early?.end();
  }

  async #begin(opened: Opened): Promise<void> {
    try {
      const loggedIn = await this.#login(opened);
      if (loggedIn !== undefined) await this.#admit(opened, loggedIn);
    } catch (thrown) {
      const cause = closeCauseOf(toTidingsError(thrown), this.#isLoggingIn);
      this.#refused(opened, cause, toTidingsError(thrown).message);
      this.#failed("login", thrown);
    }
  }

  get #isLoggingIn(): boolean {
    return this.#state === "awaiting login";
  }

  async #login({ login, identity, socket, request }: Opened): Promise<LoggedIn | undefined> {
    const known = isPending(identity) ? await identity.catch(throwUnverified) : identity;
    if (known !== undefined) return { login, identity: known };
    const { authenticator, loginTimeoutMs } = this.#ports;
    const early = this.#early;
    return early && awaitLogin(socket, early, { authenticator, loginTimeoutMs, request });
  }

  /** Reports a client that the server turns away, unless it has left. */
  #refused({ request }: Opened, cause: CloseCause, reason: string): void {
    if (this.#state !== "closing")
      this.#ports.refused(refusedClient(request, cause, CLOSE[cause].code, reason), this.#connection?.user);
  }

  async #admit(opened: Opened, loggedIn: LoggedIn): Promise<void> {
    const { expiry, connected } = this.#ports;
    this.#enter("admitting");
    const connection = makeConnection(this.#ports, opened, loggedIn);
    this.#connection = connection;
    const catchUp = await admit(this.#ports, connection, opened, loggedIn).catch((thrown: unknown) => {
      answerRefused(connection, loggedIn, toTidingsError(thrown));
      throw thrown;
    });
    if (typeof catchUp !== "function") {
      const { cause, reason = CLOSE[cause].reason } = catchUp;
      answerRefused(connection, loggedIn, new TidingsError(cause, reason));
      this.#refused(opened, cause, reason);
      return this.#close(cause, reason);
    }
    expiry.set(connection, loggedIn.identity.expiresAt);
    connected(connection, this.#requestId);
    this.#open(connection);
    catchUp()
      .then(() => answerLogin(connection, loggedIn))
      .catch((thrown: unknown) => this.#failed("replay", thrown));
  }

  #open(connection: Connection): void {
    this.#enter("open");
    const texts = this.#early?.takeAll() ?? [];
    this.#early = undefined;
    this.#ports.unfinished.admitted(this);
    this.socket.resume();
    for (const text of texts) this.#ports.inbound.text(connection, text);
  }

  text(text: string): void {
    try {
      this.#ports.unfinished.completed(this);
      if (this.#state === "open") this.#text(text);
      else if (this.#state !== "closing") this.#earlyText(text);
    } catch (thrown) {
      this.#failed("message", thrown);
    }
  }

  binary(bytes: Buffer): void {
    try {
      this.#ports.unfinished.completed(this);
      this.#binary(bytes);
    } catch (thrown) {
      this.#failed("message", thrown);
    }
  }

  /** Passes a text on, unless the server has closed the connection, which its client may not know yet. */
  #text(text: string): void {
    if (this.#connection?.state === "open") this.#ports.inbound.text(this.#connection, text);
  }

  #earlyText(text: string): void {
    this.#early?.push(text);
    if (this.#early?.isFull) this.#pause();
  }

  #pause(): void {
    this.socket.pause();
    this.#ports.unfinished.paused(this);
  }

  #countEarly(early: EarlyMessages, bytes: number): void {
    try {
      early.received(bytes);
      if (early.isFull) this.#pause();
    } catch (thrown) {
      this.#failed("login", thrown);
    }
  }

  #binary(bytes: Buffer): void {
    const { hooks } = this.#ports;
    const connection = this.#connection;
    if (connection === undefined || !hooks.has("binary")) {
      this.socket.close(1003, "binary messages are not accepted");
    } else if (connection.state === "open") {
      hooks.emit("binary", { connection, bytes });
    }
  }

  /** Boundary of the session: an error closes only this connection. Never throws. */
  #failed(stage: string, thrown: unknown): void {
    const error = toTidingsError(thrown);
    if (error !== thrown) this.#report(stage, thrown);
    try {
      if (error.code === "rate_limited") this.#notify(limitNotice(error.retryAfterMs));
      if (error.code === "too_large") this.#closeTooLarge(error.message);
      else {
        const reason = error.code === "internal" ? undefined : error.message;
        this.#close(closeCauseOf(error, this.#isLoggingIn), reason);
      }
    } catch (failure) {
      this.#report("close", failure);
      this.socket.terminate();
    }
  }

  #notify(text: string): void {
    if (this.#state === "closing") return;
    if (this.#connection === undefined) this.socket.send(text);
    else this.#connection.send(text);
  }

  #report(stage: string, error: unknown): void {
    this.#ports.hooks.emit("error", { stage, error, connection: this.#connection });
  }

  #close(cause: CloseCause, reason: string = CLOSE[cause].reason): void {
    this.#enter("closing");
    this.#closeCause = cause;
    if (this.#connection === undefined) this.socket.close(CLOSE[cause].code, reason);
    else this.#connection.close(cause, reason);
  }

  /** Closes with the code that RFC 6455 section 7.4.1 has for a message that is too big. */
  #closeTooLarge(reason: string): void {
    if (this.#connection === undefined) {
      this.#enter("closing");
      this.#closeCause = "protocol";
      this.socket.close(1009, reason);
    } else this.#close("protocol", reason);
  }

  closed(code: number, reason: string): void {
    this.#end({ code, reason, address: this.#address, requestId: this.#requestId }).catch((error: unknown) =>
      this.#report("disconnect", error),
    );
  }

  /** Ends the session after its socket. Awaits a login in flight, because its connection must leave the cluster. */
  async #end(ended: Omit<Ended, "cause">): Promise<void> {
    this.#enter("closing");
    const connection = this.#connection;
    connection?.closed();
    this.#ports.unfinished.forget(this);
    this.#early?.end();
    await this.#beginning;
    const known = this.#connection;
    try {
      if (known !== undefined) await this.#ports.members.dismiss(known);
    } finally {
      this.#ports.disconnected({ ...ended, ...this.#whoEnded(ended) }, known);
    }
  }

  /** Classifies the end by who began it. Clients may close with any code, also with those of the server. */
  #whoEnded({ code, reason }: Omit<Ended, "cause">): Pick<Ended, "cause" | "code" | "reason"> {
    const ending = this.socket.ending;
    if (ending === undefined) return { cause: classifyClose(code), code, reason };
    const cause = ending.byReceiver ? "protocol" : (this.#connection?.closeCause ?? this.#closeCause);
    return { cause: cause ?? "protocol", code: ending.code, reason: ending.reason };
  }

  /** `closing` is final: an admission in flight does not open the session again. */
  #enter(state: State): void {
    if (this.#state !== "closing") this.#state = state;
  }
}

function throwUnverified(thrown: unknown): never {
  throw thrown instanceof TidingsError ? unverified(thrown) : thrown;
}

/** Answers a login that came as a message. Its reply follows the replay. */
function answerLogin(connection: Connection, { identity: { expiresAt }, answer }: LoggedIn): void {
  if (answer === undefined) return;
  const { user, id, platform } = connection;
  connection.send(encodeReply(answer, { user, connection: id, platform, expiresAt }));
}

/** Answers a login by message whose connection is not admitted. */
function answerRefused(connection: Connection, { answer }: LoggedIn, error: TidingsError): void {
  if (answer !== undefined) connection.send(encodeError(answer, error));
}
