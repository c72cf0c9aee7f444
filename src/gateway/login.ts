import type { WebSocket } from "ws";
import {
  decodeClientFrame,
  encodeBadInput,
  encodeError,
  type RequestForm,
  TidingsError,
  within,
} from "../protocol/protocol.ts";
import type { Authenticator, Identity } from "./auth.ts";
import type { Inbox } from "./inbox.ts";
import { type LoginRequest, readLogin } from "./request.ts";

/** A login that was accepted. */
export interface LoggedIn {
  readonly identity: Identity;
  readonly login: LoginRequest;
  /** Where its reply goes, when it came as a message. */
  readonly answer?: RequestForm;
}

/** A client that talks without logging in is let go after so many messages. */
const MAX_ATTEMPTS = 8;

/**
 * Waits for `robot.login` as the first message; whatever else comes is answered with `unauthorized`.
 * @returns undefined when the socket is gone
 * @throws TidingsError `timeout` after the deadline, `unauthorized` for credentials that are not valid
 */
export function awaitLogin(
  socket: WebSocket,
  inbox: Inbox,
  authenticator: Authenticator,
  timeoutMs: number,
): Promise<LoggedIn | undefined> {
  return within(timeoutMs, "the login", async () => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const text = await inbox.next();
      if (text === undefined) return undefined;
      const request = readRequest(socket, text);
      if (request === undefined) continue;
      const login = readLogin(request.data);
      return { identity: await authenticator.authenticate(login.credentials), login, answer: request.answer };
    }
    throw new TidingsError("unauthorized", "log in first");
  });
}

/** The login request in a text; everything else is refused. */
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
