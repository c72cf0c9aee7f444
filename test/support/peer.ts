import { once } from "node:events";
import { onTestFinished } from "vitest";
import { type ClientOptions, WebSocket } from "ws";

/** A frame from the server, parsed. */
export type Frame = Record<string, unknown>;

/** The end of a connection. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket client without the SDK. It keeps every frame and waits for those that a test asks for. */
export class Peer {
  readonly socket: WebSocket;
  /** Everything received so far, in order. */
  readonly frames: Frame[] = [];
  readonly closed: Promise<Closed>;
  #watchers: (() => void)[] = [];
  /** Far from the ids that tests choose by hand. */
  #nextId = 1_000;

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, options);
    this.socket.on("message", (data) => {
      this.frames.push(JSON.parse(String(data)));
      for (const watch of this.#watchers) watch();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.socket.on("error", () => undefined);
  }

  /** A peer that is connected and welcomed. The caller ends it; {@link connectPeer} ends it with the test. */
  static async connect(url: string, options?: ClientOptions): Promise<Peer> {
    const peer = new Peer(url, options);
    await peer.frame("welcome");
    return peer;
  }

  /** The HTTP status of the server's answer to an upgrade that it rejects. */
  static async refusal(url: string): Promise<number | undefined> {
    const socket = new WebSocket(url);
    socket.on("error", () => undefined); // terminating a socket that never opened emits one
    const [, response] = await once(socket, "unexpected-response");
    socket.terminate();
    return response.statusCode;
  }

  send(value: unknown): void {
    this.socket.send(typeof value === "string" ? value : JSON.stringify(value));
  }

  /** Sends a request and resolves with its reply, error replies included. */
  request(action: string, data?: unknown): Promise<Frame> {
    const id = this.#nextId++;
    this.send({ id, action, data });
    return this.next((frame) => frame.id === id && frame.type === undefined);
  }

  /** The first frame that matches, past or to come. Rejects when the connection ends before. */
  next(matches: (frame: Frame) => boolean): Promise<Frame> {
    return this.take(1, matches).then(([frame]) => frame as Frame); // take(1) has one
  }

  /** The first message of a type, or frame of an event, past or to come. */
  frame(name: string): Promise<Frame> {
    return this.next(({ type, event }) => type === name || event === name);
  }

  /** The first `count` frames that match, past or to come. */
  take(count: number, matches: (frame: Frame) => boolean): Promise<Frame[]> {
    return new Promise((resolve, reject) => {
      const watch = (): void => {
        const found = this.frames.filter(matches);
        if (found.length < count) return;
        this.#watchers = this.#watchers.filter((each) => each !== watch);
        resolve(found.slice(0, count));
      };
      this.#watchers.push(watch);
      void this.closed.then(({ code, reason }) => reject(new Error(`closed with ${code} ${reason}`)));
      watch();
    });
  }

  /** Resolves when the peer has received everything that the server had queued for it before this call. */
  async caughtUp(): Promise<void> {
    await this.request("robot.heartBeat");
  }

  /** Messages received so far, without the protocol's own frames. */
  get messages(): Frame[] {
    return this.frames.filter(isMessage);
  }

  /** Stops reading, so that the peer does not answer a close either. */
  pause(): void {
    this.socket.pause();
  }

  /** Ends the connection without a close frame. */
  end(): void {
    this.socket.terminate();
  }

  close(): Promise<Closed> {
    this.socket.close();
    return this.closed;
  }
}

export const isMessage = ({ type }: Frame): boolean => type !== undefined && type !== "pong";

/** A peer that is connected and welcomed; closed when the test is over. */
export async function connectPeer(url: string, options?: ClientOptions): Promise<Peer> {
  const peer = new Peer(url, options);
  onTestFinished(() => peer.end());
  await peer.frame("welcome");
  return peer;
}

/** Joins the peer to a group. */
export async function joined(peer: Peer, group: string): Promise<Peer> {
  await peer.request("group.join", { group });
  return peer;
}

export const dataOf = (frames: readonly Frame[]): unknown[] => frames.map((frame) => frame.data);
