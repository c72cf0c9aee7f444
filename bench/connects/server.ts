/** A server that takes connects and says what they cost: `node server.ts ws`, `node server.ts development`, `node server.ts token`. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { createHub } from "../../src/index.ts";
import { UNREACHED_LIMITS } from "../limits/limits.ts";
import { answerCalls } from "../rig/rig.ts";
import { type Kind, SECRET } from "./guests.ts";

/** Processor time of a server since its start, in microseconds. */
export interface Usage {
  readonly user: number;
  readonly system: number;
}

/** A type alias, because the calls of an API are looked up by name. */
export type ServerApi = {
  port(): number;
  usage(): Usage;
  /** Number of open connections. */
  open(): number | Promise<number>;
};

/** Text of the length of Tidings' first frame. */
const WELCOME = JSON.stringify({ event: "welcome", padding: "x".repeat(240) });

/** The least that a server of `ws` does: it upgrades, sends one frame, and keeps the connection. */
async function bare(): Promise<Pick<ServerApi, "port" | "open">> {
  const server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    backlog: 4_096,
    perMessageDeflate: false,
  });
  server.on("connection", (socket) => {
    socket.on("message", () => undefined).on("error", () => undefined);
    socket.send(WELCOME);
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // of a TCP server
  return { port: () => port, open: () => server.clients.size };
}

/** A hub with the defaults, except limits, and heartbeats, which the other server does not send. */
async function hub(auth: object): Promise<Pick<ServerApi, "port" | "open">> {
  const hub = createHub({
    logLevel: "warn", // the other server logs no line per connection
    ...UNREACHED_LIMITS,
    websocket: { heartbeatInterval: 600, connectionTimeout: 1_200 },
    ...auth,
  });
  const { port } = await hub.listen({ port: 0, host: "127.0.0.1" });
  return { port: () => port, open: async () => (await hub.presence.count()).connections };
}

const SERVERS: Record<Kind, () => Promise<Pick<ServerApi, "port" | "open">>> = {
  ws: bare,
  development: () => hub({}),
  token: () => hub({ jwt: { secret: SECRET } }),
};

const server = await SERVERS[process.argv[2] as Kind](); // by the parent process
answerCalls<ServerApi>({ ...server, usage: () => process.cpuUsage() });
