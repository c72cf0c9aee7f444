import { type Connection, LoginState, NO_CLAIMS } from "../../local/local.ts";
import {
  decodeClientFrame,
  encodeBadInput,
  encodeError,
  type RequestForm,
  TidingsError,
  toTidingsError,
  within,
} from "../../protocol/protocol.ts";
import type { Authenticator, Identity, UpgradeRequest } from "../auth/auth.ts";
import type { ServerSocket } from "../websocket/websocket.ts";
import type { EarlyMessages } from "./early-messages.ts";
import { type LoginRequest, nobody, readLogin } from "./request.ts";

/** Accepted login. */
export interface LoggedIn {
  readonly identity: Identity;
  readonly login: LoginRequest;
  /** Form of its reply; undefined when the login came with the HTTP request. */
  readonly answer?: RequestForm;
}

export interface LoginPorts {
  readonly authenticator: Authenticator;
  readonly loginTimeoutMs: number;
  /** The request that asked for the WebSocket. */
  readonly request: UpgradeRequest;
}

/** Limit of messages without a login, after which the server closes the client. */
const MAX_ATTEMPTS = 8;

/** A login message. */
interface LoginMessage {
  readonly data: unknown;
  readonly answer: RequestForm;
}

/**
 * Waits for `robot.login`, and answers one that is refused. Every earlier message gets an error reply: `unauthorized`, or
 * `bad_request` when malformed.
 * @returns undefined when the socket has closed
 * @throws TidingsError `timeout` without a login after the deadline, `unauthorized` for credentials that are not valid,
 * `unavailable` when they are not verified by then
 */
export async function awaitLogin(
  socket: ServerSocket,
  early: EarlyMessages,
  ports: LoginPorts,
): Promise<LoggedIn | undefined> {
  let message: LoginMessage | undefined;
  try {
    return await within(ports.loginTimeoutMs, "the login", async () => {
      message = await nextLogin(socket, early);
      return message && (await verify(message, ports));
    });
  } catch (thrown) {
    if (message === undefined) throw thrown;
    const error = unverified(toTidingsError(thrown));
    socket.send(encodeError(message.answer, error));
    // The session reports what is unexpected.
    throw error.code === "internal" ? thrown : error;
  }
}

/** The error for credentials that the authenticator has not verified in time: the client has done its part. */
export const unverified = (error: TidingsError): TidingsError =>
  error.code === "timeout"
    ? new TidingsError("unavailable", "the credentials were not verified in time", { cause: error })
    : error;

async function nextLogin(socket: ServerSocket, early: EarlyMessages): Promise<LoginMessage | undefined> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const text = await early.next();
    if (text === undefined) return undefined;
    const message = readMessage(socket, text);
    if (message !== undefined) return message;
  }
  throw new TidingsError("unauthorized", "log in first");
}

async function verify(
  { data, answer }: LoginMessage,
  { authenticator, request }: LoginPorts,
): Promise<LoggedIn> {
  const login = readLogin(data);
  const { address } = request;
  const identity = await authenticator.authenticate({
    ...login.credentials,
    address,
    request,
    byMessage: true,
  });
  if (identity !== undefined) return { identity, login, answer };
  throw nobody();
}

/** Reads a login message. Answers any other text with an error. @returns undefined for such a text */
function readMessage(socket: ServerSocket, text: string): LoginMessage | undefined {
  const decoded = decodeClientFrame(text);
  const refusal = new TidingsError("unauthorized", "log in first: send the action robot.login");
  if ("error" in decoded) {
    socket.send(encodeBadInput(decoded.error, decoded.id));
  } else if (decoded.frame.kind === "ping" || decoded.frame.answer === undefined) {
    socket.send(encodeBadInput(refusal));
  } else if (decoded.frame.kind === "request" && decoded.frame.action === "robot.login") {
    return decoded.frame;
  } else {
    socket.send(encodeError(decoded.frame.answer, refusal));
  }
  return undefined;
}

/** Keeps what the credentials say about the connection. Most logins of development mode say nothing. */
export function setLogin(connection: Connection, { claims, can, anonymous = false }: Identity): void {
  const saysNothing = claims === undefined && can === undefined && !anonymous;
  if (saysNothing && connection.attachment(LoginState) === undefined) return;
  const state = connection.attached(LoginState);
  state.claims = claims ?? NO_CLAIMS;
  state.can = can;
  state.isAnonymous = anonymous;
}
