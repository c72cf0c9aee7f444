import { once } from "node:events";
import { type WebSocket, WebSocketServer } from "ws";

/** A plain `ws` server that knows its clients by user, and echoes what they send. */
export async function wsServer(): Promise<{
  port: number;
  server: WebSocketServer;
  users: Map<string, WebSocket>;
}> {
  const users = new Map<string, WebSocket>();
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", backlog: 4096 });
  server.on("connection", (socket, request) => {
    const user = new URL(request.url ?? "/", "ws://localhost").searchParams.get("user_id") ?? "";
    users.set(user, socket);
    socket.on("message", (text) => socket.send(text.toString()));
    socket.on("close", () => users.delete(user));
    socket.on("error", () => socket.terminate());
  });
  await once(server, "listening");
  const address = server.address();
  return { port: typeof address === "object" && address ? address.port : 0, server, users };
}
