/** Peer: Socket.IO, WebSocket transport only, rooms for everyone and for every user. */
import { once } from "node:events";
import { createServer } from "node:http";
import { Server } from "socket.io";
import type { BenchData } from "../dialects.ts";
import { collectGarbage, host } from "../host.ts";

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  serveClient: false,
  pingInterval: 600_000, // no heartbeats during a measurement, as with the others
});

io.on("connection", (socket) => {
  socket.join(["everyone", `user:${socket.handshake.query.user_id}`]);
  socket.on("robot.ping", (data, reply) => reply(data));
});
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
await once(http, "listening");
const address = http.address();

const envelope = (data: BenchData) => ({ ...data, timestamp: Date.now(), id: `bench-${data.n}` });

await host({
  port: typeof address === "object" && address ? address.port : 0,
  broadcast: (data) => void io.to("everyone").emit("bench", envelope(data)),
  send: (user, data) => void io.to(`user:${user}`).emit("bench", envelope(data)),
  collectGarbage,
});
