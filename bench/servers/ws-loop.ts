/** Control: a plain `ws` server that sends in a loop. */
import { once } from "node:events";
import { type WebSocket, WebSocketServer } from "ws";
import { collectGarbage, host, plainText } from "../host.ts";

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

await host({
  port: typeof address === "object" && address ? address.port : 0,
  broadcast(data) {
    const text = plainText(data);
    for (const socket of server.clients) socket.send(text);
  },
  send: (user, data) => users.get(user)?.send(plainText(data)),
  collectGarbage,
});
