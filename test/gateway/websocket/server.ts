import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";
import { handshake, socketSettings } from "../../../src/gateway/socket/handshake.ts";
import type { ServerSocket, SocketEvents } from "../../../src/gateway/websocket/websocket.ts";

/** The server's side of one WebSocket, and everything that it tells. */
export class Told implements SocketEvents {
  readonly socket: ServerSocket;
  readonly texts: string[] = [];
  readonly closes: { readonly code: number; readonly reason: string }[] = [];
  bytes = 0;
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;
  #watchers: (() => void)[] = [];

  constructor(socket: ServerSocket) {
    this.socket = socket;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    socket.listen(this);
  }

  received(bytes: number): void {
    this.bytes += bytes;
    this.#watch();
  }

  text(text: string): void {
    this.texts.push(text);
    this.#watch();
  }

  binary(): void {
    // Tests of the receiver cover it.
  }

  closed(code: number, reason: string): void {
    this.closes.push({ code, reason });
    this.#end();
  }

  /** Resolves as soon as a condition holds after a read or a message. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watch = (): void => {
        if (condition()) resolve();
      };
      this.#watchers.push(watch);
      watch();
    });
  }

  #watch(): void {
    for (const watch of this.#watchers) watch();
  }
}

export interface SocketServer {
  readonly url: string;
  /** The next WebSocket. Ask before the client connects. */
  next(): Promise<Told>;
}

/** A server of WebSockets without sessions. @param closeTimeoutMs for the client's part of the closing handshake */
export async function startSocketServer({
  server = createServer() as Server,
  deflate = false,
  closeTimeoutMs = 60_000,
} = {}): Promise<SocketServer> {
  const waiting: ((told: Told) => void)[] = [];
  const streams = new Set<Socket>();
  const settings = { ...socketSettings(524_288), closeTimeoutMs };
  const handshakes = { settings, deflate, refuse: () => undefined };
  server.on("upgrade", (request, stream: Socket, head: Buffer) => {
    streams.add(stream);
    const asked = { id: "", url: "/", headers: {}, address: "" };
    const upgrade = { request, stream, head, asked, isAlone: true };
    void handshake(handshakes, upgrade, async ({ socket }) => waiting.shift()?.(new Told(socket)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const stream of streams) stream.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return { url: `ws://127.0.0.1:${port}`, next: () => new Promise((resolve) => waiting.push(resolve)) };
}
