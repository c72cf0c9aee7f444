/**
 * Close codes end a connection. After 4000–4499 a client reconnects; after 4500–4999 it does not.
 * The reason sent with a code is plain text, never JSON.
 */
export const CLOSE = {
  drain: { code: 4000, reason: "the node is closing, please reconnect" },
  slow: { code: 4001, reason: "the client reads too slowly" },
  timeout: { code: 4002, reason: "nothing was heard from the client" },
  login_timeout: { code: 4003, reason: "no login in time" },
  error: { code: 4004, reason: "the server failed" },
  token_expired: { code: 4005, reason: "the token has expired, or is not valid yet" },
  rate_limited: { code: 4006, reason: "too many requests: a rate limit refused the client" },
  overload: { code: 4007, reason: "the node holds too many bytes, and most of them for this client" },
  unauthorized: { code: 4500, reason: "the credentials are not valid" },
  kicked: { code: 4501, reason: "disconnected by the application" },
  replaced: { code: 4502, reason: "replaced by a newer connection of this user" },
  limit: { code: 4503, reason: "this user has too many connections" },
  refused: { code: 4504, reason: "the application refused the connection" },
  protocol: { code: 4505, reason: "the client broke the protocol" },
  blocked: { code: 4506, reason: "this user is blocked" },
} as const;

/** Cause of a close by the server. */
export type CloseCause = keyof typeof CLOSE;

/**
 * Class of a disconnect: the server's cause when the server closed, whatever the client answers. Otherwise `client_left`
 * with a close frame of any code, and `lost` without one.
 */
export type DisconnectClass = CloseCause | "client_left" | "lost";

const FINAL_RFC_CODES: readonly number[] = [1002, 1003, 1007, 1008, 1010];

/**
 * Tells whether a client should reconnect after a close code. Of the codes of RFC 6455 section 7.4, those that reject
 * the client's frames or violate a policy are final. A lost connection and a restarting server are not.
 */
export function shouldReconnect(code: number): boolean {
  if (code >= 4500 && code <= 4999) return false;
  return !FINAL_RFC_CODES.includes(code);
}

/** Classifies the end of a connection that the server has not closed. 1006: no close frame came. */
export const classifyClose = (code: number): DisconnectClass => (code === 1006 ? "lost" : "client_left");
