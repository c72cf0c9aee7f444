import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { Position, PositionFrame, Welcome } from "../../src/protocol/protocol.ts";

/** A frame of the client: a message, a request, an ack or a ping. */
export interface ClientFrame {
  id: number;
  type?: string;
  action?: string;
  key?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it and would fail on what they do not find
  data?: any;
}

/** A queue that may be asked for an item before the item has arrived. */
class Inflow<Item> {
  readonly #items: Item[] = [];
  readonly #takers: ((item: Item) => void)[] = [];

  put(item: Item): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker(item);
  }

  take(): Promise<Item> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => this.#takers.push(resolve));
  }
}

/** A WebSocket server without a hub: the test itself writes every frame of the server. */
export class FakeServer implements AsyncDisposable {
  readonly #server: WebSocketServer;
  readonly #accepted = new Inflow<FakeConnection>();
  readonly port: number;
  readonly url: string;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port; // it listens on TCP
    this.url = `ws://127.0.0.1:${this.port}/ws`;
    server.on("connection", (socket, request) => {
      this.#accepted.put(new FakeConnection(socket, request.url ?? ""));
    });
  }

  static async listen(port = 0): Promise<FakeServer> {
    const server = new WebSocketServer({ port, host: "127.0.0.1", handleProtocols: () => "tidings.v1" });
    await once(server, "listening");
    return new FakeServer(server);
  }

  /** The next connection that a client makes. */
  accept(): Promise<FakeConnection> {
    return this.#accepted.take();
  }

  /** Accepts the next connection and answers its login. */
  async login(welcome: Partial<Welcome> = {}): Promise<FakeConnection> {
    const connection = await this.accept();
    const login = await connection.next();
    connection.welcome(welcome);
    connection.reply(login, {});
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The server's end of one connection. */
export class FakeConnection {
  readonly #inflow = new Inflow<ClientFrame>();
  readonly #socket: WebSocket;
  readonly path: string;
  /** False: pings come to {@link next} and have no answer, as on a connection that is dead without a close frame. */
  answersPings = true;
  /** Resolves with the close code; 1006 when the connection was lost. */
  readonly ended: Promise<number>;

  constructor(socket: WebSocket, path: string) {
    this.#socket = socket;
    this.path = path;
    this.ended = once(socket, "close").then(([code]) => code);
    socket.on("message", (text) => {
      const frame: ClientFrame = JSON.parse(String(text));
      if (frame.type === "ping" && this.answersPings) this.send({ type: "pong" });
      else this.#inflow.put(frame);
    });
  }

  /** The next frame of the client. */
  next(): Promise<ClientFrame> {
    return this.#inflow.take();
  }

  send(frame: object | string): void {
    this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  welcome(changes: Partial<Welcome> = {}): void {
    this.send({
      event: "welcome",
      protocol: "tidings.v1",
      connection: "c1",
      user: "alice",
      platform: "web",
      node: "n1",
      heartbeatMs: 30_000,
      limits: { messageBytes: 524_288 },
      ...changes,
    });
  }

  position(channel: PositionFrame["channel"], position: Position, recovered = true): void {
    this.send({ event: "position", channel, ...position, recovered });
  }

  /** A stored message to alice, or an ephemeral one without `offset`. */
  push(offset?: number, fields: object = {}): void {
    const id = `m${offset}`;
    this.send({ type: "chat", data: offset, timestamp: 1, from: "bob", to: "alice", id, offset, ...fields });
  }

  reply({ id }: ClientFrame, data: unknown): void {
    this.send({ id, data });
  }

  refuse({ id }: ClientFrame, code: string): void {
    this.send({ id, error: { code, message: `it is ${code}` } });
  }

  close(code: number, reason = ""): void {
    this.#socket.close(code, reason);
  }

  /** Ends the connection without a close frame. */
  cut(): void {
    this.#socket.terminate();
  }
}
