import { once } from "node:events";
import { createServer } from "node:http";
import { Server, type ServerOptions } from "socket.io";
import type { BenchData } from "../rig/rig.ts";

/** A Socket.IO server, WebSocket transport only, with rooms for everyone and for every user. */
export async function socketioServer(
  adapter?: ServerOptions["adapter"],
): Promise<{ port: number; emit: (room: string, data: BenchData) => void }> {
  const http = createServer();
  const io = new Server(http, {
    transports: ["websocket"],
    serveClient: false,
    pingInterval: 600_000, // no heartbeats during a measurement, as with the others
    ...(adapter === undefined ? {} : { adapter }),
  });
  io.on("connection", (socket) => {
    socket.join(["everyone", `user:${socket.handshake.query.user_id}`]);
    socket.on("robot.ping", (data, reply) => reply(data));
  });
  http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(http, "listening");
  const address = http.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    emit: (room, data) =>
      void io.to(room).emit("bench", { ...data, timestamp: Date.now(), id: `bench-${data.n}` }),
  };
}
