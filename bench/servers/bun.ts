/** Peer: Bun's own WebSocket server and its native publish (uWebSockets inside). Run by Bun. */
import { host, plainText } from "../rig/rig.ts";

/** The part of Bun's API that is used here; its types would clash with those of Node. */
interface BunSocket {
  data: { user: string };
  send(text: string): number;
  subscribe(topic: string): void;
}
interface BunServer {
  port: number;
  upgrade(request: Request, options: { data: BunSocket["data"] }): boolean;
  publish(topic: string, text: string): number;
}
interface BunOptions {
  port: number;
  hostname: string;
  fetch(request: Request, server: BunServer): Response | undefined;
  websocket: {
    idleTimeout: number;
    open(socket: BunSocket): void;
    message(socket: BunSocket, text: string): void;
    close(socket: BunSocket): void;
  };
}
declare const Bun: { serve(options: BunOptions): BunServer; gc(synchronous: boolean): void };

const users = new Map<string, BunSocket>();
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, server) {
    const user = new URL(request.url).searchParams.get("user_id") ?? "";
    return server.upgrade(request, { data: { user } }) ? undefined : new Response("no", { status: 400 });
  },
  websocket: {
    idleTimeout: 0,
    open(socket) {
      users.set(socket.data.user, socket);
      socket.subscribe("everyone");
    },
    message: (socket, text) => void socket.send(text),
    close: (socket) => void users.delete(socket.data.user),
  },
});

await host({
  port: server.port,
  broadcast: (data) => void server.publish("everyone", plainText(data)),
  send: (user, data) => void users.get(user)?.send(plainText(data)),
  collectGarbage: () => Bun.gc(true), // releases pages by itself,
});
