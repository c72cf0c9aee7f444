import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { DIALECT } from "../../protocol/protocol.ts";
import type { UpgradeRequest } from "../auth/auth.ts";
import { REQUEST_ID } from "../request-ids.ts";
import { answerTo, type MessageLimits, ServerSocket, type SocketSettings } from "../websocket/websocket.ts";
import type { Opened } from "./admission.ts";
import { CLOSE_TIMEOUT_MS } from "./refusal.ts";

/** An upgrade request, its socket, and the first bytes after the request. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly stream: Duplex;
  readonly head: Buffer;
  /** The request as an authenticator sees it. */
  readonly asked: UpgradeRequest;
  /** False when the server has other listeners for upgrades, which give up those that nobody answers soon. */
  readonly isAlone: boolean;
}

/** A WebSocket right after its handshake, before its login is known. */
export type Handshaken = Omit<Opened, "login" | "identity">;

/** How a gateway performs handshakes. */
export interface Handshakes {
  readonly settings: SocketSettings;
  /** Offer permessage-deflate. */
  readonly deflate: boolean;
  /** Compressed frames refer to no earlier bytes, so that clients with any window can read them. @default false */
  readonly fitsAnyWindow?: boolean | undefined;
  /** Answers a request that is no valid handshake (RFC 6455 section 4.2.1). */
  readonly refuse: (upgrade: Upgrade, error: string, headers: Readonly<Record<string, string>>) => void;
}

/** Settings of the WebSockets of a gateway. */
export const socketSettings = (maxMessageBytes: number): SocketSettings => ({
  limits: messageLimits(maxMessageBytes),
  closeTimeoutMs: CLOSE_TIMEOUT_MS,
});

/**
 * Limits of one message: its bytes and its pieces. Pieces are the fragments of a message, and the reads of the socket
 * that bring one frame. A piece of one byte costs some hundred bytes of memory, so a message with more pieces closes
 * the connection with 1008. Large messages may have more: one fragment per 8 KiB, and one read per 512 bytes (a TCP
 * segment has 536 or more).
 */
const messageLimits = (bytes: number): MessageLimits => ({
  bytes,
  fragments: Math.max(64, Math.ceil(bytes / 8_192)),
  pieces: Math.max(1_024, Math.ceil(bytes / 512)),
});

/**
 * Performs the handshake of an upgrade. Resolves when the session has begun, or the handshake has failed.
 * @param begin starts the session. It must listen within this tick: the client may have sent its first message already
 */
export function handshake(
  { settings, deflate, fitsAnyWindow, refuse }: Handshakes,
  upgrade: Upgrade,
  begin: (handshaken: Handshaken) => Promise<void>,
): Promise<void> {
  const { request, stream, head, asked } = upgrade;
  if (stream.destroyed || !(stream instanceof Socket)) {
    stream.destroy();
    return Promise.resolve();
  }
  const answer = answerTo(request, { protocol: DIALECT, deflate, fitsAnyWindow });
  if ("error" in answer) {
    const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
    refuse(upgrade, answer.error, answer.headers);
    return closed;
  }
  // The client has ended its side already.
  if (!stream.readable || !stream.writable) {
    stream.destroy();
    return Promise.resolve();
  }
  if (head.length > 0) stream.unshift(head);
  const socket = new ServerSocket(
    stream,
    settings,
    `${answer.head}${REQUEST_ID}: ${asked.id}\r\n\r\n`,
    answer.deflate,
  );
  return begin({ socket, request: asked });
}
