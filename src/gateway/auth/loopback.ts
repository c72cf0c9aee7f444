import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "../../config/config.ts";
import { TidingsError } from "../../protocol/protocol.ts";

/**
 * Tells whether a request can only come from this machine and from one of its own pages. Its Host must be loopback,
 * which DNS rebinding cannot forge, and its Origin, if present, must be loopback too.
 */
export function isLocalRequest({ host, origin }: IncomingHttpHeaders): boolean {
  return isLocalUrl(`http://${host}`) && (origin === undefined || isLocalUrl(origin));
}

/** Header fields that proxies add: RFC 7239, RFC 9110 section 7.6.3, and the older X- fields. */
const PROXY_HEADER = /^(?:forwarded|via|x-real-ip|x-forwarded(?:-.*)?)$/i;

/**
 * Refuses a request that came through a proxy. Its address is the proxy's, possibly loopback, and its Host may be the
 * name that the proxy uses for this server. So neither shows where the client is.
 * @param names of the request's header fields
 * @throws TidingsError `forbidden`
 */
export function assertNoProxy(names: Iterable<string>): void {
  for (const name of names) {
    if (!PROXY_HEADER.test(name)) continue;
    throw new TidingsError(
      "forbidden",
      `development mode refuses requests that came through a proxy (header ${name}): set JWT_SECRET to serve others`,
    );
  }
}

const isLocalUrl = (url: string): boolean => URL.canParse(url) && isLoopback(new URL(url).hostname);
