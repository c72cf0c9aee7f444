import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** The fields of an upgrade request that the gateway reads. */
type UpgradeHead = Pick<IncomingMessage, "method" | "url" | "httpVersion" | "headers" | "socket">;

/** An upgrade request, and the bytes that follow it. */
export interface ReadUpgrade {
  readonly request: IncomingMessage;
  readonly head: Buffer;
}

/** A longer head is left to Node, whose limit is 16 KiB. */
const MAX_HEAD_BYTES = 8_192;

const END = "\r\n\r\n";

/** A request in origin form, with header fields of visible ASCII (RFC 9112 sections 3 and 5) and without obsolete line folding. */
const FORM = /^GET \/[!-~]* HTTP\/1\.1(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*)+$/;

const PATH_START = "GET ".length;

const UPGRADES = /(?:^|,)[\t ]*upgrade[\t ]*(?:,|$)/i;

/**
 * Reads an upgrade to a WebSocket as browsers and other clients send it: whole, at the beginning of the first bytes of a socket, in the plainest form.
 * Node's parser takes 2 to 13 % of the processor time of a connect, and leaves listeners and functions on the socket. Whatever has another form is left to it.
 * @returns undefined when Node should read the request: a field that is there twice, a body, another method or protocol, characters beyond ASCII
 */
export function readUpgrade(bytes: Buffer, socket: Socket): ReadUpgrade | undefined {
  const end = bytes.indexOf(END, 0, "latin1");
  if (end < 0 || end > MAX_HEAD_BYTES) return undefined;
  const text = bytes.toString("latin1", 0, end);
  if (!FORM.test(text)) return undefined;
  const headers = readFields(bytes, text);
  if (headers === undefined || !isUpgrade(headers)) return undefined;
  const url = bytes.toString("latin1", PATH_START, text.indexOf(" ", PATH_START));
  const request: UpgradeHead = { method: "GET", url, httpVersion: "1.1", headers, socket };
  // The listeners of the hub's own server read no other field.
  return { request: request as IncomingMessage, head: bytes.subarray(end + END.length) };
}

/**
 * Values are read from the bytes: a slice of the text would keep all of it alive, for as long as a connection keeps an address or an id.
 * @returns undefined when a field is there twice, which Node joins or drops by its name
 */
function readFields(bytes: Buffer, text: string): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {};
  for (let end = text.indexOf("\r\n"); end < text.length; ) {
    const start = end + 2;
    const next = text.indexOf("\r\n", start);
    end = next < 0 ? text.length : next;
    const colon = text.indexOf(":", start);
    const name = text.slice(start, colon).toLowerCase();
    if (name in headers) return undefined;
    headers[name] = bytes.toString("latin1", colon + 1, end).trim();
  }
  return headers;
}

function isUpgrade(headers: IncomingHttpHeaders): boolean {
  return (
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers.host !== undefined &&
    UPGRADES.test(headers.connection ?? "") &&
    headers["content-length"] === undefined &&
    headers["transfer-encoding"] === undefined &&
    headers.expect === undefined
  );
}
