import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { Closed, Frame } from "./peer.ts";
import { clientFrame, FrameReader, OPCODE, type ServerFrame, textFrame } from "./wire.ts";

/** Headers of an upgrade request that a well-behaved client sends. */
const UPGRADE: Readonly<Record<string, string>> = {
  Host: "127.0.0.1",
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** The text of an upgrade request; an empty header is left out. */
export function upgradeRequest(url: string, headers: Record<string, string> = {}): string {
  const { pathname, search } = new URL(url);
  const lines = Object.entries({ ...UPGRADE, ...headers })
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** A plain TCP connection to where a URL points; closed when the test is over. */
export function connectTo(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** A client that writes bytes, not messages: it can break every rule, and reads only on request. */
export class RawPeer {
  readonly socket: Socket;
  /** The HTTP answer to the upgrade, up to the empty line. */
  head = "";
  /** Everything received after the HTTP answer. */
  readonly received: ServerFrame[] = [];
  /** Every text received that was not compressed, as the JSON it is. */
  readonly frames: Frame[] = [];
  /** Bytes received after the HTTP answer. */
  bytes = 0;
  /** Close code: of the server's close frame, or 1006 without one. */
  readonly closed: Promise<Closed>;
  readonly #reader = new FrameReader();
  #watchers: (() => void)[] = [];
  #closed: Closed = { code: 1006, reason: "" };
  /** False: the server's close frame stays without an answer. */
  answersClose = true;
  /** True: the server's pings are answered, as a browser does by itself. */
  answersPings = false;

  constructor(url: string, headers: Record<string, string> = {}, behind: Uint8Array = new Uint8Array()) {
    this.socket = connectTo(url);
    this.socket.write(Buffer.concat([Buffer.from(upgradeRequest(url, headers)), behind]));
    this.socket.on("data", (bytes: Buffer) => this.#take(bytes));
    this.closed = new Promise((resolve) => this.socket.once("close", () => resolve(this.#closed)));
  }

  get status(): number {
    return Number(this.head.split(" ")[1]);
  }

  send(...values: unknown[]): void {
    this.write(...values.map(textFrame));
  }

  write(...bytes: Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** Resolves as soon as `condition` holds of what was received; rejects when the connection ends before. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const watch = (): void => {
        if (!condition()) return;
        this.#watchers = this.#watchers.filter((each) => each !== watch);
        resolve();
      };
      this.#watchers.push(watch);
      void this.closed.then(({ code, reason }) => {
        const [answer] = this.head.split("\r\n", 1);
        reject(new Error(`closed with ${code} ${reason}; the upgrade was answered by "${answer}"`));
      });
      watch();
    });
  }

  #take(bytes: Buffer): void {
    const rest = this.head.endsWith("\r\n\r\n") ? bytes : this.#takeHead(bytes);
    this.bytes += rest.length;
    // The body of a refused upgrade has no frames.
    const frames = this.status === 101 ? this.#reader.read(rest) : [];
    for (const frame of frames) {
      this.received.push(frame);
      if (frame.opcode === OPCODE.text && !frame.compressed) {
        this.frames.push(JSON.parse(frame.payload.toString()));
      }
      if (frame.opcode === OPCODE.close) this.#takeClose(frame.payload);
      if (frame.opcode === OPCODE.ping && this.answersPings) this.write(clientFrame({ opcode: OPCODE.pong }));
    }
    for (const watch of this.#watchers) watch();
  }

  #takeHead(bytes: Buffer): Buffer {
    const text = this.head + bytes.toString("latin1");
    const end = text.indexOf("\r\n\r\n") + 4;
    this.head = end < 4 ? text : text.slice(0, end);
    return end < 4 ? Buffer.alloc(0) : Buffer.from(text.slice(end), "latin1");
  }

  #takeClose(payload: Buffer): void {
    if (payload.length >= 2) {
      this.#closed = { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
    }
    if (this.answersClose) this.socket.end(clientFrame({ opcode: OPCODE.close, payload }));
  }
}

/** A raw client that has been welcomed. */
export async function connectRaw(url: string, headers?: Record<string, string>): Promise<RawPeer> {
  const peer = new RawPeer(url, headers);
  await peer.until(() => peer.received.length > 0);
  return peer;
}

/** Turns of the event loop in which a hub of this process and its clients read what they have written to each other. */
const TURNS = 50;

/** Resolves when the hub and its clients have read. For tests on a clock of their own. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}
