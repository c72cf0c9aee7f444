import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ANSWER_HEADERS } from "../answer-headers.ts";

export interface SocketLimits {
  /** Decides about a new socket by its peer's address, before anything is read of it. @default none is refused */
  readonly refuses?: (peer: string) => boolean;
  /** Sockets without a complete request. One more cuts the oldest, because a well-behaved client is faster. */
  readonly opening: number;
  /** Sockets that have sent a request and are no WebSocket. One more cuts the longest idle one, or gets 503. */
  readonly open: number;
}

/** Time without any byte, after which a socket with an unanswered request is cut. A handler may take 60 s of it. */
const SILENCE_MS = 120_000;

/** Seconds after which a refused client may try again. */
const RETRY_AFTER_S = "5";

/** Counts the sockets of plain HTTP on the hub's own servers, and bounds their number. */
export class HttpSockets {
  readonly #limits: SocketLimits;
  /** Sockets without a complete request, oldest first. */
  readonly #opening = new Set<Socket>();
  /** Unanswered requests of the other sockets. */
  readonly #open = new Map<Socket, number>();
  /** Sockets without an unanswered request, the longest idle first. */
  readonly #idle = new Set<Socket>();
  /** Listener of all sockets: one for each would cost memory for as long as a WebSocket lives. */
  readonly #onClose: (this: Socket) => void;
  #cut = 0;

  constructor(limits: SocketLimits) {
    this.#limits = limits;
    const forget = (socket: Socket): void => this.#forget(socket);
    this.#onClose = function (): void {
      forget(this);
    };
  }

  /** Sockets that are no WebSocket. */
  get size(): number {
    return this.#opening.size + this.#open.size;
  }

  /** Sockets that were cut or refused because there were too many. */
  get cut(): number {
    return this.#cut;
  }

  /** Watches the sockets of a server. @param listener gets the requests that there is room for */
  watch(server: Server, listener: RequestListener): void {
    // Before the listener that reads the socket.
    server.prependListener("connection", (socket: Socket) => this.#begin(socket));
    server.on("upgrade", ({ socket }: IncomingMessage) => {
      socket.off("close", this.#onClose);
      this.#forget(socket);
    });
    server.on("request", (request, response) => {
      // Not by `server.timeout`, which leaves a timer in the memory of each WebSocket.
      request.socket.setTimeout(SILENCE_MS);
      if (this.#admit(request.socket)) this.#count(request.socket, response);
      else return refuse(response);
      void listener(request, response);
    });
  }

  /** Cuts all sockets that are no WebSocket. */
  cutAll(): void {
    for (const socket of [...this.#opening, ...this.#open.keys()]) socket.destroy();
  }

  #begin(socket: Socket): void {
    if (this.#limits.refuses?.(socket.remoteAddress ?? "") === true) {
      // A reset leaves nothing to wait for, on neither side.
      socket.resetAndDestroy();
      return;
    }
    if (this.#opening.size >= this.#limits.opening) this.#cutFirst(this.#opening);
    this.#opening.add(socket);
    socket.on("close", this.#onClose);
  }

  /** @returns false when there is no room for the socket of this request */
  #admit(socket: Socket): boolean {
    this.#opening.delete(socket);
    if (this.#open.has(socket) || this.#open.size < this.#limits.open) return true;
    if (this.#cutFirst(this.#idle)) return true;
    this.#cut++;
    return false;
  }

  #count(socket: Socket, response: ServerResponse): void {
    this.#open.set(socket, (this.#open.get(socket) ?? 0) + 1);
    this.#idle.delete(socket);
    response.once("close", () => {
      const unanswered = this.#open.get(socket);
      if (unanswered === undefined) return;
      this.#open.set(socket, unanswered - 1);
      if (unanswered === 1) this.#idle.add(socket);
    });
  }

  #cutFirst(sockets: Set<Socket>): boolean {
    const [oldest] = sockets;
    if (oldest === undefined) return false;
    this.#cut++;
    this.#forget(oldest);
    oldest.destroy();
    return true;
  }

  #forget(socket: Socket): void {
    this.#opening.delete(socket);
    this.#open.delete(socket);
    this.#idle.delete(socket);
  }
}

function refuse(response: ServerResponse): void {
  const message = "the node has no room for more HTTP connections";
  const headers = {
    ...ANSWER_HEADERS,
    "content-type": "application/json",
    connection: "close",
    "retry-after": RETRY_AFTER_S,
  };
  response.writeHead(503, headers).end(JSON.stringify({ error: { code: "unavailable", message } }));
}
