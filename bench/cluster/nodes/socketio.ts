/** Peer: Socket.IO with its Redis adapter. */
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { socketioServer } from "../../servers/socketio-server.ts";
import { hostNode, nodeArgument } from "../host.ts";

const { url, prefix } = nodeArgument();
const commands = new Redis(url);
const { port, emit } = await socketioServer(createAdapter(commands, commands.duplicate(), { key: prefix }));

await hostNode({ port, send: (user, data) => emit(`user:${user}`, data) });
