import { createHash, randomBytes } from "node:crypto";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { clientClose, clientPong, FrameReader } from "./frames.ts";

/** Where a socket connects, and from where. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Name and port for the header `Host`, and the name that a certificate is checked against. */
  readonly authority: string;
  /** Address of this machine to connect from. Each has some 28,000 ports for one target. */
  readonly localAddress?: string | undefined;
}

/** Why a socket is over. */
export type Ending =
  /** The server answered the upgrade with something else than 101. */
  | {
      readonly type: "refused";
      readonly status: number;
      readonly message: string;
      readonly retryAfterMs?: number | undefined;
    }
  /** The server sent a close frame. */
  | { readonly type: "closed"; readonly code: number; readonly reason: string }
  /** The socket failed: `ECONNREFUSED`, a reset, frames that are none. */
  | { readonly type: "failed"; readonly reason: string };

/** Receives the events of a socket. Nothing comes after `ended`. */
export interface SocketListener {
  opened(): void;
  text(text: string): void;
  ended(ending: Ending): void;
}

const KEY = randomBytes(16).toString("base64");
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

/** All sockets of the process read into one buffer: it is handled before the next read, and 10,000 would not fit a cache. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

/** Longest answer to an upgrade that is kept. */
const MAX_HEAD = 16 * 1024;

/**
 * A WebSocket that needs as little as possible: a socket, the handshake by hand, and a frame reader. A client library would need
 * more memory and time than the server under test.
 */
export class LeanWebSocket {
  readonly #socket: Socket;
  readonly #listener: SocketListener;
  readonly #frames: FrameReader;
  readonly #isSecure: boolean;
  #state: "handshake" | "open" | "closing" | "over" = "handshake";
  #head = "";

  constructor(endpoint: Endpoint, path: string, headers: readonly string[], listener: SocketListener) {
    this.#listener = listener;
    this.#frames = new FrameReader({
      text: (text) => {
        if (this.#state === "open") listener.text(text);
      },
      ping: (payload) => this.send(clientPong(payload)),
      close: (code, reason) => this.#end({ type: "closed", code, reason }),
    });
    this.#isSecure = endpoint.tls;
    this.#socket = this.#connect(endpoint);
    this.#socket.on("error", (error) => this.#end({ type: "failed", reason: reasonOf(error) }));
    this.#socket.on("close", () => this.#endOfSocket());
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: ${endpoint.authority}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${KEY}`,
      ...headers,
    ];
    this.#socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  }

  send(frame: Buffer): void {
    if (this.#state === "open") this.#socket.write(frame);
  }

  /** Says goodbye; the server ends the socket. */
  close(): void {
    if (this.#state !== "open") return void this.cut();
    this.send(clientClose(1000));
    this.#state = "closing";
  }

  /** Ends the socket at once, as a lost network does. The reset leaves no port in TIME_WAIT. Nothing is told. */
  cut(): void {
    this.#state = "over";
    if (this.#isSecure) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** Bytes that the system has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  #connect({ host, port, tls, authority, localAddress }: Endpoint): Socket {
    const at = { host, port, localAddress, noDelay: true };
    if (!tls) {
      const callback = (length: number): true => {
        this.#read(READ_BUFFER.subarray(0, length));
        return true;
      };
      return connectTcp({ ...at, onread: { buffer: READ_BUFFER, callback } });
    }
    const name = authority.replace(/:\d+$/, "");
    const servername = isIP(name.replace(/^\[(.*)\]$/, "$1")) > 0 ? undefined : name; // an address is no name for TLS
    return connectTls({ socket: connectTcp(at), host: name, servername }).on("data", (bytes) =>
      this.#read(bytes),
    );
  }

  #read(bytes: Buffer): void {
    try {
      if (this.#state === "handshake") this.#handshake(bytes);
      else if (this.#state !== "over") this.#frames.push(bytes);
    } catch (error) {
      this.#end({ type: "failed", reason: reasonOf(error) });
    }
  }

  #handshake(bytes: Buffer): void {
    this.#head += bytes.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) {
      if (this.#head.length > MAX_HEAD) throw new Error("the answer to the upgrade is too long");
      return;
    }
    const head = this.#head.slice(0, end);
    if (!head.startsWith("HTTP/1.1 101")) return void this.#refused(head, this.#head.slice(end + 4));
    if (!head.includes(ACCEPT)) throw new Error("the answer to the upgrade has another Sec-WebSocket-Accept");
    const rest = Buffer.from(this.#head.slice(end + 4), "latin1");
    this.#head = "";
    this.#state = "open";
    this.#listener.opened();
    if (rest.length > 0) this.#frames.push(rest);
  }

  /** Waits for the body, which has the reason, as far as its length is known. */
  #refused(head: string, body: string): void {
    const length = Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0);
    if (body.length < Math.min(length, MAX_HEAD)) return;
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0);
    const seconds = /^retry-after:\s*(\d+)/im.exec(head)?.[1];
    const retryAfterMs = seconds === undefined ? undefined : Number(seconds) * 1_000;
    this.#end({ type: "refused", status, message: messageIn(body), retryAfterMs });
  }

  #endOfSocket(): void {
    const isRefusal = this.#state === "handshake" && /^HTTP\/1\.[01] \d{3}/.test(this.#head);
    if (isRefusal) this.#refused(this.#head.replace(/^content-length:.*$/im, ""), "");
    this.#end({ type: "failed", reason: "the connection was cut" });
  }

  #end(ending: Ending): void {
    if (this.#state === "over") return;
    const isExpected = this.#state === "closing";
    this.cut();
    if (!isExpected) this.#listener.ended(ending);
  }
}

/** Message of Tidings' JSON, or the beginning of any other body. */
function messageIn(body: string): string {
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? body;
  return message.replaceAll(/\s+/g, " ").trim().slice(0, 160);
}

/** `ECONNREFUSED` and the like: the message of an error names the port too, which would be a reason of its own for each. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
