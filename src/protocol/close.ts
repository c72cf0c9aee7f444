/**
 * Close codes end a connection. 4000–4499: reconnect; 4500–4999: do not.
 * The reason sent with a code is plain words, never JSON.
 */
export const CLOSE = {
  drain: { code: 4000, reason: "the node is closing, please reconnect" },
  slow: { code: 4001, reason: "the client reads too slowly" },
  timeout: { code: 4002, reason: "nothing was heard from the client" },
  login_timeout: { code: 4003, reason: "no login in time" },
  error: { code: 4004, reason: "the server failed" },
  token_expired: { code: 4005, reason: "the token has expired" },
  unauthorized: { code: 4500, reason: "the credentials are not valid" },
  kicked: { code: 4501, reason: "disconnected by the application" },
  replaced: { code: 4502, reason: "replaced by a newer connection of this user" },
  limit: { code: 4503, reason: "this user has too many connections" },
  refused: { code: 4504, reason: "the application refused the connection" },
  protocol: { code: 4505, reason: "the client broke the protocol" },
} as const;

/** Why the server ended a connection. */
export type CloseCause = keyof typeof CLOSE;

/** How a disconnect is counted: a cause of the server's, or what the client and the network did. */
export type DisconnectClass = CloseCause | "client_left" | "lost";

const FINAL_RFC_CODES: ReadonlySet<number> = new Set([1002, 1003, 1007, 1008, 1010]);

/**
 * Tells whether a client should reconnect after this close code. Of the codes of RFC 6455 section 7.4 those
 * that blame the client's own frames or policy are final; a lost connection or a restarting server is not.
 */
export function shouldReconnect(code: number): boolean {
  if (code >= 4500 && code <= 4999) return false;
  return !FINAL_RFC_CODES.has(code);
}

const PROTOCOL_RFC_CODES: ReadonlySet<number> = new Set([1002, 1003, 1007, 1008, 1009]);

/** Classifies a disconnect by the code that ended it. */
export function classifyClose(code: number): DisconnectClass {
  for (const [cause, { code: known }] of Object.entries(CLOSE)) {
    if (known === code) return cause as CloseCause; // the keys of CLOSE are the causes
  }
  if (PROTOCOL_RFC_CODES.has(code)) return "protocol";
  return code === 1006 ? "lost" : "client_left";
}
