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

/**
 * Finds the first offer of permessage-deflate that the server can accept. It declines the others one by one, those that
 * are not valid too (RFC 7692 section 5.1): ws would refuse the handshake.
 * @param header `Sec-WebSocket-Extensions` of a client
 * @returns undefined when there is none
 */
export function acceptableOffer(header: string): string | undefined {
  if (header.length > MAX_LENGTH) return undefined;
  return header.split(COMMA).find(isAcceptable)?.trim();
}

function isAcceptable(offer: string): boolean {
  const [name, ...parameters] = offer.split(SEMICOLON).map((part) => part.trim());
  if (name !== "permessage-deflate") return false;
  const seen = new Set<string>();
  return parameters.every((text) => {
    const [, parameter = "", quoted, plain] = PARAMETER.exec(text) ?? [];
    const accepts = Object.hasOwn(ACCEPTABLE, parameter) ? ACCEPTABLE[parameter] : undefined;
    if (accepts === undefined || seen.has(parameter)) return false;
    seen.add(parameter);
    return accepts(quoted ?? plain);
  });
}
