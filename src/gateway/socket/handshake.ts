import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ServerOptions, WebSocketServer } from "ws";
import { DIALECT } from "../../protocol/protocol.ts";
import type { UpgradeRequest } from "../auth/auth.ts";
import { acceptableOffer } from "../deflate-offers.ts";
import { REQUEST_ID } from "../request-ids.ts";
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

/**
 * Makes the part of `ws` that performs handshakes and reads frames.
 * @param idOf finds the id of a request, which the answer carries
 * @param onInvalid answers a request that is no valid handshake (RFC 6455 section 4.2.1)
 */
export function socketServer(
  maxMessageBytes: number,
  deflate: boolean,
  idOf: (request: IncomingMessage) => string,
  onInvalid: (error: Error, stream: Duplex, request: IncomingMessage) => void,
): WebSocketServer {
  // The published types of ws lack closeTimeout.
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    ...messageLimits(maxMessageBytes),
    closeTimeout: CLOSE_TIMEOUT_MS,
    handleProtocols: (offered) => (offered.has(DIALECT) ? DIALECT : false),
    // Without context takeover a message is compressed once and shared, and an idle connection keeps no window.
    perMessageDeflate: deflate && { serverNoContextTakeover: true, clientNoContextTakeover: true },
  };
  return new WebSocketServer(options)
    .on("headers", (headers, request) => headers.push(`${REQUEST_ID}: ${idOf(request)}`))
    .on("wsClientError", onInvalid);
}

/**
 * Limits of one message: its bytes and its pieces. Pieces are the fragments of a message, and the reads of the socket
 * that bring one frame. A piece of one byte costs some hundred bytes of memory, so a message with more pieces closes
 * the connection with 1008. Large messages may have more: one fragment per 8 KiB, and one read per 512 bytes (a TCP
 * segment has 536 or more).
 */
function messageLimits(
  maxPayload: number,
): Pick<ServerOptions, "maxPayload" | "maxFragments" | "maxBufferedChunks"> {
  return {
    maxPayload,
    maxFragments: Math.max(64, Math.ceil(maxPayload / 8_192)),
    maxBufferedChunks: Math.max(1_024, Math.ceil(maxPayload / 512)),
  };
}

/**
 * Performs the handshake of an upgrade. Resolves when the session has begun, or the handshake has failed.
 * @param begin starts the session. It must listen within this tick: the client may have sent its first message already
 */
export function handshake(
  server: WebSocketServer,
  { request, stream, head, asked }: Upgrade,
  begin: (handshaken: Handshaken) => Promise<void>,
): Promise<void> {
  if (stream.destroyed || !(stream instanceof Socket)) {
    stream.destroy();
    return Promise.resolve();
  }
  keepOffer(request);
  return new Promise((resolve, reject) => {
    stream.once("close", resolve);
    answerWithFirstFrames(stream);
    server.handleUpgrade(request, stream, head, (socket) => {
      stream.off("close", resolve);
      const deflate = socket.extensions.includes("permessage-deflate");
      begin({ socket, stream, deflate, request: asked }).then(resolve, reject);
    });
  });
}

/**
 * Lets the answer to a handshake leave in one write with the frames of this turn of the event loop, a turn later: a write costs more than any other step
 * of a login.
 */
function answerWithFirstFrames(stream: Socket): void {
  stream.cork();
  // The send queues write in an immediate of this turn.
  setImmediate(() => setImmediate(uncork, stream));
}

function uncork(stream: Socket): void {
  stream.uncork();
}

/** Leaves ws the one offer of compression that the server accepts. */
function keepOffer({ headers }: IncomingMessage): void {
  const header = headers["sec-websocket-extensions"];
  const offer = header === undefined ? undefined : acceptableOffer(header);
  if (offer === undefined) delete headers["sec-websocket-extensions"];
  else headers["sec-websocket-extensions"] = offer;
}
