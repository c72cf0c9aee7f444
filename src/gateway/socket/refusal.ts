import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { TidingsError } from "../../protocol/protocol.ts";
import { ANSWER_HEADERS, retryAfter } from "../answer-headers.ts";

/** Time that a client has to end its socket, after which the server cuts it. */
export const CLOSE_TIMEOUT_MS = 2_000;

/** Answers an upgrade request in HTTP and ends the socket, also when the client keeps its side open. */
export function refuse(
  stream: Duplex,
  { status, message, retryAfterMs }: Pick<TidingsError, "status" | "message" | "retryAfterMs">,
): void {
  const timer = setTimeout(() => stream.destroy(), CLOSE_TIMEOUT_MS);
  stream.once("close", () => clearTimeout(timer));
  // An unread stream never reports that the client has ended it.
  stream.resume();
  const body = JSON.stringify({ error: { message, retryAfterMs } });
  const fields = { ...ANSWER_HEADERS, ...retryAfter(retryAfterMs) };
  const headers = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `${headers.join("")}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/**
 * Error listener of an upgraded socket for its whole life: an `error` event without a listener ends the process. All
 * sockets share this function, because it stays on each of them.
 */
export function destroyStream(this: Duplex): void {
  this.destroy();
}
