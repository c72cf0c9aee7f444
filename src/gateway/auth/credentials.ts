import type { IncomingHttpHeaders } from "node:http";
import { DIALECT } from "../../protocol/protocol.ts";

/**
 * Names of headers that hold credentials: `authorization`, `proxy-authorization`, `cookie`, `x-api-key`, and those in which
 * proxies and cloud providers hand on tokens.
 */
const SECRET_NAME = /auth|cookie|token|secret|passw|api-?key|jwt|assertion|credential|session|signature/;

/** Names of headers that hold a URL, whose query may be the one with the token. */
const URL_NAME = /^referer$|(?:url|uri|path)$/;

const PROTOCOLS = "sec-websocket-protocol";

/** Copies the headers of a request without those that hold credentials. */
export function withoutCredentials(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => name !== PROTOCOLS && !SECRET_NAME.test(name));
  const copy: IncomingHttpHeaders = Object.fromEntries(
    kept.map(([name, value]) => [name, URL_NAME.test(name) ? withoutQuery(value) : value]),
  );
  // Clients that can set no other header put a token among the subprotocols.
  if (offers(headers[PROTOCOLS], DIALECT)) copy[PROTOCOLS] = DIALECT;
  return copy;
}

const offers = (protocols: string | undefined, protocol: string): boolean =>
  protocols?.split(",").some((offered) => offered.trim() === protocol) ?? false;

const withoutQuery = (value: string | string[] | undefined): string | string[] | undefined =>
  Array.isArray(value) ? value.map(cutQuery) : value && cutQuery(value);

const cutQuery = (url: string): string => url.replace(/[?#].*$/s, "");
