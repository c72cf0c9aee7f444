import { once } from "node:events";
import { WebSocket } from "ws";

type Frame = Record<string, unknown>;

/** A client without an SDK that keeps what it was sent. */
export class Peer {
  readonly #socket: WebSocket;
  readonly #frames: Frame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(address: string) {
    this.#socket = new WebSocket(address);
    this.#socket.on("message", (data) => this.#frames.push(JSON.parse(String(data))));
    this.closed = new Promise((resolve) => {
      this.#socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
    });
  }

  /** Connects and waits for the welcome. */
  static async connect(address: string): Promise<Peer> {
    const peer = new Peer(address);
    await peer.frame("welcome");
    return peer;
  }

  /** The first frame of a type, now or when it comes. */
  async frame(type: string): Promise<Frame> {
    for (;;) {
      const found = this.#frames.find((frame) => frame.type === type);
      if (found !== undefined) return found;
      await once(this.#socket, "message");
    }
  }

  /** The HTTP status with which the server refuses to let a client in. */
  static async refusal(address: string): Promise<number | undefined> {
    const socket = new WebSocket(address);
    socket.on("error", () => {}); // terminating it before it is open is one
    const [, response] = await once(socket, "unexpected-response");
    socket.terminate();
    return response.statusCode;
  }

  /** Reads nothing more, and so answers no close either. */
  pause(): void {
    this.#socket.pause();
  }

  end(): void {
    this.#socket.terminate();
  }
}
