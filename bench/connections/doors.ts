/** What takes the sockets: nothing, `ws` alone, or the hub. The differences are the parts of a connection's memory. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { createHub, type Hub } from "../../src/index.ts";
import { UNREACHED_LIMITS } from "../limits/limits.ts";
import type { Door } from "./crowd.ts";

export type Kind = "sockets" | "ws" | "hub";

export type BenchHub = Hub<Record<string, unknown>>;

/** Times of a hub. */
export interface Times {
  /** Seconds between two pings of a connection, and of silence after which it is closed. */
  readonly heartbeatS: number;
  readonly timeoutS: number;
  /** Milliseconds after which a user who has left is offline. */
  readonly graceMs: number;
}

/** A request as a browser sends it: with shorter headers nobody would see which of them a server keeps. */
const requestOf = (number: number): string =>
  [
    `GET /ws?user_id=user-${number}&platform=web HTTP/1.1`,
    "Host: 127.0.0.1:8080",
    "Connection: Upgrade",
    "Pragma: no-cache",
    "Cache-Control: no-cache",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
    "Upgrade: websocket",
    "Origin: http://127.0.0.1:8080",
    "Sec-WebSocket-Version: 13",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9",
    "Sec-WebSocket-Key: dGlkaW5ncyBpcyB0aWRlLg==",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Protocol: tidings.v1",
    "\r\n",
  ].join("\r\n");

/** Sockets that nobody takes. */
const nobody: Door = { enter: () => undefined, requestOf: () => undefined, firstFrames: 0 };

/** The parser of Node's HTTP server reads the request, as it does those of real sockets. */
async function doorOf(server: Server, firstFrames: number): Promise<Door> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { enter: (socket) => void server.emit("connection", socket), requestOf, firstFrames };
}

/** Text of the length of Tidings' first frame. */
const WELCOME = JSON.stringify({ event: "welcome", padding: "x".repeat(240) });

/** The least that a server of `ws` does: it upgrades, sends one frame, and knows its clients by user. */
async function bare(): Promise<Door> {
  const users = new Map<string, WebSocket>();
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false });
  const server = createServer().on("upgrade", (request, stream, head) => {
    sockets.handleUpgrade(request, stream, head, (socket) => {
      users.set(new URL(request.url ?? "", "ws://localhost").searchParams.get("user_id") ?? "", socket);
      socket.on("message", () => undefined).on("close", () => undefined);
      socket.on("error", () => undefined).send(WELCOME);
    });
  });
  return doorOf(server, 1);
}

/** A hub with its limits out of reach and without a log. */
export async function hubDoor(
  connections: number,
  { heartbeatS, timeoutS, graceMs }: Times,
): Promise<{ hub: BenchHub; door: Door }> {
  const hub = createHub({
    logLevel: "warn",
    ...UNREACHED_LIMITS,
    websocket: {
      maxConnections: 2 * connections,
      heartbeatInterval: heartbeatS,
      connectionTimeout: timeoutS,
    },
    presence: { graceMs },
  });
  await hub.ready;
  const server = createServer(hub.handler);
  hub.attach(server);
  return { hub, door: await doorOf(server, 3) }; // `welcome`, and the positions of two channels
}

/** What a control does with its sockets. */
export const controlDoor = (kind: Exclude<Kind, "hub">): Promise<Door> | Door =>
  kind === "sockets" ? nobody : bare();
