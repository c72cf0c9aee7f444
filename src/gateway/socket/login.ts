import type { WebSocket } from "ws";
import { type Connection, LoginState, NO_CLAIMS } from "../../local/local.ts";
import {
  decodeClientFrame,
  encodeBadInput,
  encodeError,
  type RequestForm,
  TidingsError,
  within,
} from "../../protocol/protocol.ts";
import type { Authenticator, Identity } from "../auth/auth.ts";
import type { EarlyMessages } from "./early-messages.ts";
import { type LoginRequest, readLogin } from "./request.ts";

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
  /** Address of the client. */
  readonly address: string;
}

/** Limit of messages without a login, after which the server closes the client. */
const MAX_ATTEMPTS = 8;

/**
 * Waits for `robot.login`. Every earlier message gets an error reply: `unauthorized`, or `bad_request` when malformed.
 * @returns undefined when the socket has closed
 * @throws TidingsError `timeout` after the deadline, `unauthorized` for credentials that are not valid
 */
export function awaitLogin(
  socket: WebSocket,
  early: EarlyMessages,
  { authenticator, loginTimeoutMs, address }: LoginPorts,
): Promise<LoggedIn | undefined> {
  return within(loginTimeoutMs, "the login", async () => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const text = await early.next();
      if (text === undefined) return undefined;
      const request = readRequest(socket, text);
      if (request === undefined) continue;
      const login = readLogin(request.data);
      const identity = await authenticator.authenticate({ ...login.credentials, address });
      return { identity, login, answer: request.answer };
    }
    throw new TidingsError("unauthorized", "log in first");
  });
}

/** Reads a login request. Answers any other text with an error. @returns undefined for such a text */
function readRequest(socket: WebSocket, text: string): { data: unknown; answer: RequestForm } | undefined {
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
  if (claims === undefined && can === undefined && connection.attachment(LoginState) === undefined) return;
  const state = connection.attached(LoginState);
  state.claims = claims ?? NO_CLAIMS;
  state.can = can;
  state.isAnonymous = anonymous;
}
