import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type CloseCause, TidingsError } from "../../protocol/protocol.ts";
import type { RefusedClient } from "../../publish/publish.ts";
import { ANSWER_HEADERS, retryAfter } from "../answer-headers.ts";
import type { Identity, UpgradeRequest } from "../auth/auth.ts";
import { pathOf } from "../url.ts";

/** Time that a client has to end its socket, after which the server cuts it. */
export const CLOSE_TIMEOUT_MS = 2_000;

/** Answers an upgrade request in HTTP and ends the socket, also when the client keeps its side open. */
export function refuse(stream: Duplex, error: TidingsError, headers: Record<string, string> = {}): void {
  const timer = setTimeout(() => stream.destroy(), CLOSE_TIMEOUT_MS);
  stream.once("close", () => clearTimeout(timer));
  // An unread stream never reports that the client has ended it.
  stream.resume();
  const { code, message, retryAfterMs, status } = error;
  const body = JSON.stringify({ error: { code, message, retryAfterMs } });
  const fields = Object.entries({ ...ANSWER_HEADERS, ...retryAfter(error), ...headers });
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `${lines.join("")}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/**
 * Error listener of an upgraded socket for its whole life: an `error` event without a listener ends the process. All
 * sockets share this function, because it stays on each of them.
 */
export function destroyStream(this: Duplex): void {
  this.destroy();
}

/** Maps the error of a login or an admission to a close cause. A deadline that has passed was the client's in a login. */
export function closeCauseOf({ code }: TidingsError, isLogin: boolean): CloseCause {
  if (code === "timeout") return isLogin ? "login_timeout" : "error";
  if (code === "unauthorized" || code === "token_expired" || code === "rate_limited") return code;
  if (code === "bad_request") return "protocol";
  return code === "refused" || code === "forbidden" ? "refused" : "error";
}

/**
 * Errors about who asks, which a WebSocket client must be able to read. A browser shows no answer in HTTP, only 1006, so
 * they follow the upgrade as close codes.
 */
const AFTER_UPGRADE: ReadonlySet<string> = new Set([
  "unauthorized",
  "token_expired",
  "rate_limited",
  "refused",
  "forbidden",
]);

const isToldAfterUpgrade = (thrown: unknown): boolean =>
  thrown instanceof TidingsError && AFTER_UPGRADE.has(thrown.code);

/**
 * Waits until the identity is known, for a time.
 * @returns undefined while it is not
 * @throws the error of the authenticator that the client must be told in HTTP. Others follow the upgrade
 */
export async function told(
  identity: Promise<Identity | undefined>,
  waitMs: number,
): Promise<Identity | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, waitMs));
  });
  try {
    return await Promise.race([identity, waited]);
  } catch (thrown) {
    if (!isToldAfterUpgrade(thrown)) throw thrown;
    return undefined;
  } finally {
    clearTimeout(timer);
    // The session handles a later failure, unless the handshake fails before.
    identity.catch(() => undefined);
  }
}

/** Longest part of a request in the log and for the hook: clients choose its length. */
const MAX_SHOWN = 200;

/** Describes a client that was refused. The query stays out, because it may hold credentials. */
export function refusedClient(
  { id: requestId, url, headers, address }: UpgradeRequest,
  code: RefusedClient["code"],
  status: number,
  reason: string,
): RefusedClient {
  const shown = { origin: headers.origin?.slice(0, MAX_SHOWN), path: pathOf(url).slice(0, MAX_SHOWN) };
  return { code, status, reason, address, ...shown, requestId };
}
