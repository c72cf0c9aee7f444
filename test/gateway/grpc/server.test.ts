import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type Http2Server,
} from "node:http2";
import { type AddressInfo, createConnection } from "node:net";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { Requests } from "../../../src/gateway/grpc/requests.ts";
import { Sessions } from "../../../src/gateway/grpc/sessions.ts";
import { GrpcCounts } from "../../../src/gateway/metrics/metrics.ts";
import { eventually } from "../../support/eventually.ts";

const NEVER_MS = 3_600_000;

const LIMITS = { maxSessions: 100, idleMs: NEVER_MS, pingMs: NEVER_MS, refuses: () => false };

/** Resolves when a session has ended. */
const over = (session: ClientHttp2Session): Promise<void> =>
  new Promise((resolve) => session.once("close", resolve));

/** Listens, and opens sessions to the server. */
async function sessionsTo(server: Http2Server): Promise<() => ClientHttp2Session> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return () => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => undefined);
    onTestFinished(() => session.destroy());
    return session;
  };
}

/** Waits for the end of a stream. @returns the code with which it was ended */
async function closed(stream: ClientHttp2Stream): Promise<number | undefined> {
  stream.on("error", () => undefined);
  await new Promise((resolve) => stream.once("close", resolve));
  return stream.rstCode;
}

/** What a client sends first: the preface of HTTP/2, and empty settings. */
const OPENING = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

const CHUNK = Buffer.alloc(16_384);

describe("a call", () => {
  /** A server with one method, whose answer has no end. */
  async function endless(times: { requestMs: number; unreadMs: number }) {
    const counts = new GrpcCounts();
    const taken = { chunks: 0 };
    const handle = async () => ({
      status: 200,
      body: (async function* () {
        for (; ; taken.chunks++) yield CHUNK;
      })(),
    });
    const about = { requestPath: "/m", method: { methodKind: "server_streaming" } };
    const handler = Object.assign(handle, about) as unknown as UniversalHandler; // the part that is read
    const { listener } = new Requests([handler], counts, times);
    const open = await sessionsTo(createServer(listener));
    return { counts, taken, open };
  }

  it("whose caller does not read is ended, and costs little memory until then", async () => {
    const { counts, taken, open } = await endless({ requestMs: NEVER_MS, unreadMs: 200 });
    const stream = open().request({ ":method": "POST", ":path": "/m" });
    expect(await closed(stream)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    // Both windows of HTTP/2, and what waits in the sockets.
    expect(taken.chunks * CHUNK.length).toBeLessThan(1_048_576);
    await eventually("the call is counted", () => counts.calls.get("cancelled") === 1);
  });

  it("whose request does not arrive is ended", async () => {
    const { open } = await endless({ requestMs: 100, unreadMs: NEVER_MS });
    const stream = open().request({ ":method": "POST", ":path": "/m" }, { endStream: false });
    stream.resume();
    expect(await closed(stream)).toBe(constants.NGHTTP2_CANCEL);
  });
});

describe("a session", () => {
  async function watched(limits: Partial<typeof LIMITS>) {
    const server = createServer();
    const sessions = new Sessions({ ...LIMITS, ...limits });
    sessions.watch(server);
    onTestFinished(() => sessions.close(0));
    return { sessions, open: await sessionsTo(server), server };
  }

  it("without a call is closed after a time, and one with a call is not", async () => {
    const { sessions, open } = await watched({ idleMs: 1, pingMs: 500 });
    const busy = open();
    busy.request({ ":path": "/" });
    await eventually("the busy one is open", () => sessions.size === 1);
    await over(open());
    await eventually("the idle one is forgotten", () => sessions.size === 1);
    expect(busy.closed).toBe(false);
  });

  it("that does not answer a ping is cut", async () => {
    const { sessions, server } = await watched({ pingMs: 50 });
    const { port } = server.address() as AddressInfo; // it listens on TCP
    const silent = createConnection(port, "127.0.0.1");
    onTestFinished(() => void silent.destroy());
    silent.on("error", () => undefined).write(OPENING);
    await eventually("it is open", () => sessions.size === 1);
    await eventually("it is cut", () => sessions.size === 0);
  });

  it("beyond the limit takes the place of an idle one, and is refused where none is idle", async () => {
    const { sessions, open, server } = await watched({ maxSessions: 1 });
    const called = new Promise((resolve) => server.once("stream", resolve));
    const idle = open();
    await eventually("the first is open", () => sessions.size === 1);
    const ended = over(idle);
    const busy = open();
    busy.request({ ":path": "/" });
    await ended;
    await called;
    await over(open());
    expect(sessions.cut).toBe(2);
    expect(busy.destroyed).toBe(false);
  });

  it("of a refused address is reset", async () => {
    const { open } = await watched({ refuses: () => true });
    await over(open());
  });
});
