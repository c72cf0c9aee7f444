/** Clients that come and go: raw sockets with a handshake by hand, which count frames and read none. */
import { connect, type Socket } from "node:net";
import { FrameCounter } from "../rig/rig.ts";

/** A server, and how its clients log in. */
export type Kind = "ws" | "development" | "token";

export const SECRET = "a secret of the bench, long enough";

/** Frames after which a client is connected: `welcome` and the positions of its two channels, or the one frame of `ws`. */
const FIRST_FRAMES: Record<Kind, number> = { ws: 1, development: 3, token: 3 };

/** Source addresses: each has 28,000 ports of its own. */
const ADDRESSES = 64;

/** A close frame without a code, under a mask of zeros. */
const CLOSE = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);

/** All sockets read into one buffer: it is handled before the next read. */
const READ_BUFFER = Buffer.allocUnsafe(64 * 1024);

/** One client. */
export class Guest {
  readonly #socket: Socket;
  readonly #frames: FrameCounter;
  #isUpgraded = false;
  #awaited: number;
  #came: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #left: (() => void) | undefined;

  /**
   * @param kind of the server
   * @param number chooses the address from which the client comes
   * @param path of the upgrade, with the credentials
   */
  constructor(port: number, kind: Kind, number: number, path: string) {
    this.#awaited = FIRST_FRAMES[kind];
    this.#frames = new FrameCounter({
      text: () => undefined,
      ping: () => undefined,
      close: () => undefined,
    });
    this.#frames.reading = false;
    const onread = { buffer: READ_BUFFER, callback: (length: number) => this.#read(length) };
    const localAddress = `127.0.0.${2 + (number % ADDRESSES)}`;
    this.#socket = connect({ port, host: "127.0.0.1", localAddress, noDelay: true, onread });
    this.#socket.on("error", (error) => this.#came?.reject(error));
    this.#socket.on("close", () => this.#closed());
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGlkaW5ncyBpcyB0aWRlLg==\r\n\r\n",
    );
  }

  /** Resolves when the first frames have arrived. Rejects when the server refuses the client. */
  come(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#came = { resolve, reject };
    });
  }

  /** Resolves after the closing handshake, when the server has ended the socket. */
  leave(): Promise<void> {
    return new Promise((resolve) => {
      this.#left = resolve;
      this.#socket.write(CLOSE);
    });
  }

  #read(length: number): true {
    const bytes = READ_BUFFER.subarray(0, length);
    if (this.#isUpgraded) this.#count(bytes);
    else this.#upgraded(bytes);
    return true;
  }

  #upgraded(bytes: Buffer): void {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0 || bytes.toString("latin1", 9, 12) !== "101") {
      this.#socket.destroy(new Error(`no upgrade: ${bytes.toString("latin1")}`));
      return;
    }
    this.#isUpgraded = true;
    if (end + 4 < bytes.length) this.#count(bytes.subarray(end + 4));
  }

  #count(bytes: Buffer): void {
    this.#awaited -= this.#frames.push(bytes);
    if (this.#awaited === 0) this.#came?.resolve();
  }

  #closed(): void {
    if (this.#left === undefined) this.#came?.reject(new Error("the server closed a connection"));
    else this.#left();
  }
}
