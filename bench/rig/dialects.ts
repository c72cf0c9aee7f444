import type { DialectName } from "./api.ts";

/** The data of a message of the bench. */
export interface BenchData {
  /** 0, 1, 2, … for each connection: a lost, repeated or swapped message is noticed. */
  n: number;
  text: string;
  /** The only receiver, for messages of one user. */
  user?: string;
  /** Time of publishing: microseconds of the machine's monotonic clock. */
  at?: number;
}

/** Generator that yields frames to send, gets the server's frames, and returns when the connection is ready. */
type Preamble = Generator<string | undefined, void, string>;

/** Frames that a raw WebSocket client exchanges with one kind of server. */
export interface Dialect {
  path(user: string): string;
  preamble(group: string | undefined): Preamble;
  /** The bench's data in a message. */
  data(text: string): BenchData;
  /** A request with this id, and the id in its reply. */
  request(id: number): string;
  replyId(text: string): number;
}

const REQUEST_DATA = { text: "robot, are you there?" };

/** `tidings.v1`: docs/PROTOCOL.md. */
const tidings: Dialect = {
  path: (user) => `/ws?user_id=${user}&platform=web`,
  *preamble(group) {
    const awaited = new Set(["welcome", "user", "all"]);
    while (awaited.size > 0) {
      const frame = JSON.parse(yield) as { event: string; channel?: string }; // from Tidings' server
      awaited.delete(frame.channel?.split(":")[0] ?? frame.event);
    }
    if (group === undefined) return;
    let frame = JSON.parse(yield JSON.stringify({ id: 1, action: "group.join", data: { group } }));
    while (frame.id !== 1) frame = JSON.parse(yield);
    if (frame.error) throw new Error(`group.join: ${frame.error.message}`);
  },
  data: (text) => JSON.parse(text).data,
  request: (id) => JSON.stringify({ id, action: "robot.ping", data: REQUEST_DATA }),
  replyId: (text) => JSON.parse(text).id,
};

/** JSON on a bare WebSocket: the same program without a library. Requests are echoed. */
const plain: Dialect = {
  ...tidings,
  path: (user) => `/?user_id=${user}`,
  *preamble() {},
};

/** Socket.IO 4 over Engine.IO 4, WebSocket transport only. Requests are events with an acknowledgement. */
const socketio: Dialect = {
  path: (user) => `/socket.io/?EIO=4&transport=websocket&user_id=${user}`,
  *preamble() {
    const open: string = yield;
    const connected = yield "40";
    if (!open.startsWith("0{") || !connected.startsWith("40{"))
      throw new Error(`unexpected ${open} ${connected}`);
  },
  data: (text) => JSON.parse(text.slice(2))[1],
  request: (id) => `42${id}${JSON.stringify(["robot.ping", REQUEST_DATA])}`,
  replyId: (text) => Number.parseInt(text.slice(2), 10),
};

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = { tidings, plain, socketio };
