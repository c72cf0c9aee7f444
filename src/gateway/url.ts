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
