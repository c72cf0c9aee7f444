import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type Agreement, agreedExtension } from "./deflate-offers.ts";

/** RFC 6455 section 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Names with commas between them (RFC 6455 section 4.1, item 10). */
const PROTOCOLS = /^[!#$%&'*+.^_`|~\w-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~\w-]+)*$/;

/** Version 8 is a draft whose frames are those of version 13, the standard. */
const VERSIONS: readonly number[] = [13, 8];

/** Protocol and compression that a server agrees to. */
export interface Agreements {
  readonly protocol: string;
  readonly deflate: boolean;
  /** Compressed frames refer to no earlier bytes, so that clients with any window can read them. @default false */
  readonly fitsAnyWindow?: boolean | undefined;
}

/** The answer to an upgrade request. */
export interface UpgradeAnswer {
  /** Lines of the head without the empty line at its end. */
  readonly head: string;
  /** Compression that both sides agreed to; undefined: none. */
  readonly deflate: Pick<Agreement, "canDeflate"> | undefined;
}

/** A request that is no valid handshake (RFC 6455 section 4.2.1), and header fields that tell what would be. */
export interface InvalidUpgrade {
  readonly error: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers an upgrade request to a WebSocket, by RFC 6455 section 4.2.2. */
export function answerTo(
  { method, headers }: IncomingMessage,
  { protocol, deflate, fitsAnyWindow = false }: Agreements,
): UpgradeAnswer | InvalidUpgrade {
  const key = headers["sec-websocket-key"];
  const offered = headers["sec-websocket-protocol"];
  if (method !== "GET") return invalid("Invalid HTTP method");
  if (headers.upgrade?.toLowerCase() !== "websocket") return invalid("Invalid Upgrade header");
  if (key === undefined || !KEY.test(key)) return invalid("Missing or invalid Sec-WebSocket-Key header");
  if (!VERSIONS.includes(Number(headers["sec-websocket-version"])))
    return invalid("Missing or invalid Sec-WebSocket-Version header", { "sec-websocket-version": "13" });
  const protocols = offered === undefined ? [] : protocolsIn(offered);
  if (protocols === undefined) return invalid("Invalid Sec-WebSocket-Protocol header");
  const offers = deflate ? headers["sec-websocket-extensions"] : undefined;
  const extension = offers === undefined ? undefined : agreedExtension(offers, fitsAnyWindow);
  const head =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${hash("sha1", key + GUID, "base64")}\r\n` +
    (protocols.includes(protocol) ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : "") +
    (extension === undefined ? "" : `Sec-WebSocket-Extensions: ${extension.header}\r\n`);
  return { head, deflate: extension };
}

const invalid = (error: string, headers: Record<string, string> = {}): InvalidUpgrade => ({ error, headers });

/** @returns undefined for a list that is broken, or names a protocol twice */
function protocolsIn(header: string): readonly string[] | undefined {
  if (!PROTOCOLS.test(header)) return undefined;
  const names = header.split(",").map((name) => name.trim());
  return new Set(names).size === names.length ? names : undefined;
}
