/** A parameter of an offer, or of an extension: a token, and a value that may be quoted (RFC 6455 section 9.1). */
const PARAMETER = /^([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"([^"\\]*)"|([!#$%&'*+.^_`|~\w-]+)))?$/;

/** Offers and parameters are separated outside of quotes. */
const COMMA = /,(?=(?:[^"]*"[^"]*")*[^"]*$)/;
const SEMICOLON = /;(?=(?:[^"]*"[^"]*")*[^"]*$)/;

/** Longest header that is read: clients choose its length. */
const MAX_LENGTH = 1_000;

const WINDOW = /^(?:[89]|1[0-5])$/;

/** Checks the value of each parameter (RFC 7692 section 7.1). */
const ACCEPTABLE: Readonly<Record<string, (value: string | undefined) => boolean>> = {
  server_no_context_takeover: (value) => value === undefined,
  client_no_context_takeover: (value) => value === undefined,
  client_max_window_bits: (value) => value === undefined || WINDOW.test(value),
  server_max_window_bits: (value) => value !== undefined && WINDOW.test(value),
};

/** Agreement of both sides on compression. */
export interface Agreement {
  /** `Sec-WebSocket-Extensions` of the answer. */
  readonly header: string;
  /** False when the client has a smaller window than the frames that all connections share need: it gets none of them compressed (RFC 7692 section 6). */
  readonly canDeflate: boolean;
}

/** Parameters of permessage-deflate, with their values. Those without one are undefined. */
type Parameters = ReadonlyMap<string, string | undefined>;

/**
 * Agrees to the first offer of permessage-deflate by which the server can compress, else to the first that is valid. It declines the others one by one
 * (RFC 7692 section 5.1). Neither side keeps a context: a message is compressed once and shared, and an idle connection has no window.
 * @param header `Sec-WebSocket-Extensions` of a client
 * @param fitsAnyWindow true when the server compresses by Huffman codes alone, which refer to no earlier bytes
 * @returns undefined when no offer is valid
 */
export function agreedExtension(header: string, fitsAnyWindow: boolean): Agreement | undefined {
  if (header.length > MAX_LENGTH) return undefined;
  const offers = header
    .split(COMMA)
    .map(acceptable)
    .filter((parameters) => parameters !== undefined);
  const best = offers.find(hasFullWindow) ?? offers[0];
  return best && { header: agreementTo(best), canDeflate: fitsAnyWindow || hasFullWindow(best) };
}

/** Shared compressed frames use the full window, of 15 bits. */
const hasFullWindow = (offered: Parameters): boolean =>
  (offered.get("server_max_window_bits") ?? "15") === "15";

/** A window of the client without a number is a question that the server need not answer. */
function agreementTo(offered: Parameters): string {
  const agreed = ["permessage-deflate", "server_no_context_takeover", "client_no_context_takeover"];
  for (const [name, value] of offered) if (value !== undefined) agreed.push(`${name}=${value}`);
  return agreed.join("; ");
}

/** @returns undefined for an offer that is not valid, or of something else */
function acceptable(offer: string): Parameters | undefined {
  const [name, ...texts] = offer.split(SEMICOLON).map((part) => part.trim());
  if (name !== "permessage-deflate") return undefined;
  const parameters = new Map<string, string | undefined>();
  for (const text of texts) {
    const [, parameter = "", quoted, plain] = PARAMETER.exec(text) ?? [];
    const accepts = Object.hasOwn(ACCEPTABLE, parameter) ? ACCEPTABLE[parameter] : undefined;
    if (!accepts?.(quoted ?? plain) || parameters.has(parameter)) return undefined;
    parameters.set(parameter, quoted ?? plain);
  }
  return parameters;
}
