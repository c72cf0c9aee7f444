/** A parameter of an offer, or of an extension: a token, and a value that may be quoted (RFC 6455 section 9.1). */
const PARAMETER = /^([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"([^"\\]*)"|([!#$%&'*+.^_`|~\w-]+)))?$/;

/** Offers and parameters are separated outside of quotes. */
const COMMA = /,(?=(?:[^"]*"[^"]*")*[^"]*$)/;
const SEMICOLON = /;(?=(?:[^"]*"[^"]*")*[^"]*$)/;

/** Longest header that is read: clients choose its length. */
const MAX_LENGTH = 1_000;

const WINDOW = /^(?:[89]|1[0-5])$/;

/** Checks the value of each parameter (RFC 7692 section 7.1). Shared compressed frames use the full window, 15 bits. */
const ACCEPTABLE: Readonly<Record<string, (value: string | undefined) => boolean>> = {
  server_no_context_takeover: (value) => value === undefined,
  client_no_context_takeover: (value) => value === undefined,
  client_max_window_bits: (value) => value === undefined || WINDOW.test(value),
  server_max_window_bits: (value) => value === "15",
};

/** Parameters of permessage-deflate, with their values. Those without one are undefined. */
type Parameters = ReadonlyMap<string, string | undefined>;

/**
 * Agrees to the first offer of permessage-deflate that the server can accept. It declines the others one by one, those
 * that are not valid too (RFC 7692 section 5.1). Neither side keeps a context: a message is compressed once and shared,
 * and an idle connection has no window.
 * @param header `Sec-WebSocket-Extensions` of a client
 * @returns `Sec-WebSocket-Extensions` of the answer; undefined when there is no such offer
 */
export function agreedExtension(header: string): string | undefined {
  if (header.length > MAX_LENGTH) return undefined;
  for (const offer of header.split(COMMA)) {
    const parameters = acceptable(offer);
    if (parameters !== undefined) return agreementTo(parameters);
  }
  return undefined;
}

/** A window of the client without a number is a question that the server need not answer. */
function agreementTo(offered: Parameters): string {
  const agreed = ["permessage-deflate", "server_no_context_takeover", "client_no_context_takeover"];
  for (const [name, value] of offered) if (value !== undefined) agreed.push(`${name}=${value}`);
  return agreed.join("; ");
}

/** @returns undefined when the server cannot accept the offer */
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
