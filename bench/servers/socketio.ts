/** Peer: Socket.IO, WebSocket transport only, rooms for everyone and for every user. */
import { collectGarbage, host } from "../rig/rig.ts";
import { socketioServer } from "./socketio-server.ts";

const { port, emit } = await socketioServer();

await host({
  port,
  broadcast: (data) => emit("everyone", data),
  send: (user, data) => emit(`user:${user}`, data),
  collectGarbage,
});
