import { encodeServerFrame } from "../../protocol/protocol.ts";

/** Least pause of a client that was closed because of a limit. The jitter keeps several from coming back together. */
const PAUSE_MS = { least: 5_000, jitter: 5_000 };

/** Encodes the notice before a close with `rate_limited`: it tells the client when to reconnect. */
export function limitNotice(retryAfterMs = 0): string {
  const reconnectMs = Math.round(Math.max(PAUSE_MS.least, retryAfterMs) + Math.random() * PAUSE_MS.jitter);
  const message = "the connection ends because of a rate limit";
  return encodeServerFrame({ event: "notice", code: "rate_limited", message, reconnectMs });
}
