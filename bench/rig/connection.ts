import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";
import { clientPong, clientText } from "../../src/loadtest/socket/frames.ts";
import type { Dialect } from "./dialects.ts";
import { FrameCounter } from "./frames.ts";

/** Receives the events of open connections. */
export interface ConnectionListener {
  /** So many messages have arrived, of which those with {@link Connection.reading} were given to `message`. */
  arrived(connection: Connection, messages: number, bytes: number): void;
  message(connection: Connection, text: string): void;
  fault(connection: Connection, reason: string): void;
}

const KEY = Buffer.from("tidings is tide.").toString("base64");
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

/** All sockets read into one buffer: it is handled before the next read, and 10,000 of them would not fit a cache. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

/**
 * One client: a socket, the WebSocket handshake by hand, and a frame counter. Create it with {@link Connection.open}.
 */
export class Connection {
  readonly user: string;
  /** Messages since the phase began. */
  received = 0;
  /** The number that the next message must carry. */
  next = 0;
  readonly #socket: Socket;
  readonly #frames: FrameCounter;
  readonly #listener: ConnectionListener;
  #state: "handshake" | "preamble" | "open" | "closed" = "handshake";
  #head = "";
  readonly #preamble: ReturnType<Dialect["preamble"]>;
  #opening: { resolve: (connection: Connection) => void; reject: (error: Error) => void } | undefined;

  /** Resolves when the handshake and the dialect's own opening are done. Rejects when the server refuses. */
  static open(
    at: { port: number; user: string; dialect: Dialect; group?: string },
    listener: ConnectionListener,
  ): Promise<Connection> {
    const connection = new Connection(at, listener);
    return new Promise((resolve, reject) => {
      connection.#opening = { resolve, reject };
    });
  }

  private constructor(
    { port, user, dialect, group }: { port: number; user: string; dialect: Dialect; group?: string },
    listener: ConnectionListener,
  ) {
    this.user = user;
    this.#listener = listener;
    this.#preamble = dialect.preamble(group);
    this.#frames = new FrameCounter({
      text: (text) => this.#text(text),
      ping: (payload) => this.#socket.write(clientPong(payload)),
      close: (code, reason) => this.#fail(`closed by the server: ${code} ${reason}`),
    });
    const onread = { buffer: READ_BUFFER, callback: (length: number) => this.#read(length) };
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
    this.#socket.on("error", (error) => this.#fail(error.message));
    this.#socket.on("close", () => this.#fail("the socket was closed"));
    this.#socket.write(
      `GET ${dialect.path(user)} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`,
    );
  }

  /** True while messages are passed on as text; otherwise they are only counted. */
  set reading(on: boolean) {
    this.#frames.reading = on;
  }

  send(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** Stops reading: the kernel's buffers fill, then the server's. */
  stall(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#state = "closed";
    this.#socket.resetAndDestroy(); // a reset leaves no connection in TIME_WAIT, whose number is limited per port
  }

  #read(length: number): true {
    try {
      if (this.#state === "handshake") this.#handshake(READ_BUFFER.subarray(0, length));
      else if (this.#state !== "closed") this.#push(READ_BUFFER.subarray(0, length));
    } catch (error) {
      this.#fail(String(error));
    }
    return true;
  }

  #handshake(bytes: Buffer): void {
    this.#head += bytes.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const rest = Buffer.from(this.#head.slice(end + 4), "latin1");
    const head = this.#head.slice(0, end);
    this.#head = "";
    if (!head.startsWith("HTTP/1.1 101") || !head.includes(ACCEPT)) throw new Error(`refused: ${head}`);
    this.#state = "preamble";
    if (this.#preamble.next().done) this.#open();
    if (rest.length > 0) this.#push(rest);
  }

  #push(bytes: Buffer): void {
    const open = this.#state === "open";
    const messages = this.#frames.push(bytes);
    if (open) this.#listener.arrived(this, messages, bytes.length);
  }

  #text(text: string): void {
    if (text === "2")
      this.send(clientText("3")); // Engine.IO's heartbeat
    else if (this.#state === "preamble") this.#advance(text);
    else if (this.#state === "open") this.#listener.message(this, text);
  }

  #advance(text: string): void {
    const step = this.#preamble.next(text);
    if (step.value !== undefined) this.send(clientText(step.value));
    if (step.done) this.#open();
  }

  #open(): void {
    this.#state = "open";
    this.#opening?.resolve(this);
  }

  #fail(reason: string): void {
    if (this.#state === "closed") return;
    const open = this.#state === "open";
    this.close();
    if (open) this.#listener.fault(this, reason);
    else this.#opening?.reject(new Error(`${this.user}: ${reason}`));
  }
}
