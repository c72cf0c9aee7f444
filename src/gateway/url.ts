import { TidingsError } from "../protocol/protocol.ts";

/**
 * Checks the percent-encoding of a request's URL. Lenient decoders replace bytes that are no UTF-8 by U+FFFD or keep
 * them as text, so different names would become one, and one name would have two spellings.
 * @throws TidingsError `bad_request`
 */
export function assertDecodable(url: string): void {
  if (!url.includes("%")) return;
  try {
    decodeURIComponent(url);
  } catch (cause) {
    throw new TidingsError("bad_request", "URL: expected percent-encoded UTF-8 (write % as %25)", { cause });
  }
}

/** Path of a request target, also of one in the absolute form that proxies may send (RFC 9112 section 3.2.2). */
export function pathOf(target: string): string {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").split("?", 1)[0];
  return path || "/";
}
