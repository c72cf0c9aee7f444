import { once } from "node:events";
import {
  Agent,
  createServer,
  get,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Pipelines } from "../../../src/gateway/gateway.ts";
import { createHub } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";
import { connectTo } from "../../support/raw.ts";

const ask = (path: string, count: number): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`.repeat(count);

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  server.keepAliveTimeout = 60_000; // 5 s would end a connection of a busy machine
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // of TCP
}

/** Reads a socket as text. */
function textOf(socket: Socket): () => string {
  let text = "";
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
  });
  return () => text;
}

const answersIn = (text: string): number => text.split("HTTP/1.1 200 OK").length - 1;

const HOSTS: [string, () => Promise<string>][] = [
  ["the hub's own server", async () => (await startHub()).at.url],
  [
    "an application's server",
    async () => {
      const hub = createHub({ logLevel: "silent" });
      onTestFinished(() => hub.close());
      return listening(hub.handler);
    },
  ],
];

describe.each(HOSTS)("pipelined requests at %s", (_host, start) => {
  it("are all answered in their order, when their client reads", async () => {
    const socket = connectTo(await start());
    const text = textOf(socket);
    socket.write(`${ask("/health", 3_000)}${ask("/nowhere", 1)}`);
    await eventually("the last is answered", () => text().includes("there is no GET /nowhere"));
    expect(answersIn(text())).toBe(3_000);
  });

  it("one after the other are never too many", async () => {
    const url = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const sockets = new Set<unknown>();
    for (let n = 0; n < 300; n++) {
      const [response] = (await once(get(`${url}/health`, { agent }), "response")) as [IncomingMessage];
      expect(response.statusCode).toBe(200);
      sockets.add(response.socket);
      await once(response.resume(), "end");
    }
    expect(sockets.size).toBe(1);
  });
});

describe("the requests of a socket", () => {
  it("beyond 16 unanswered wait, and start when others are answered", async () => {
    const pipelines = new Pipelines();
    const responses: ServerResponse[] = [];
    const url = await listening((request, response) =>
      pipelines.take(request, response, (_request, started) => responses.push(started)),
    );
    const socket = connectTo(url);
    const text = textOf(socket);
    socket.write(ask("/", 1_000));
    await eventually("the first have started", () => responses.length >= 16);
    const other = connectTo(url);
    other.write(ask("/", 1));
    await eventually("another socket's request has started", () => responses.length >= 17);
    expect(responses).toHaveLength(17);
    for (let n = 0; n < 1_001; n++) {
      await eventually("the next has started", () => responses.length > n);
      responses[n]?.end("x");
    }
    await eventually("all are answered", () => answersIn(text()) === 1_000);
  });

  it("that wait are bounded over all sockets: the socket with most of them is cut", async () => {
    const pipelines = new Pipelines({ unanswered: 2, waiting: 50 });
    const started: ServerResponse[] = [];
    const url = await listening((request, response) =>
      pipelines.take(request, response, (_request, response) => started.push(response)),
    );
    const modest = connectTo(url);
    const text = textOf(modest);
    modest.write(ask("/", 20));
    await eventually("its requests have started", () => started.length === 2);
    const greedy = connectTo(url).resume();
    greedy.write(ask("/", 200));
    await once(greedy, "close");
    expect(pipelines.cut).toBe(1);
    for (let n = 0; n < started.length || n < 22; n++) {
      await eventually("the next has started", () => started.length > n);
      started[n]?.end("x");
    }
    await eventually("the modest client is answered", () => answersIn(text()) === 20);
  });

  it("are not read by the server while the client does not read", async () => {
    const { at, url } = await startHub();
    const socket = connectTo(at.url);
    await once(socket, "connect");
    socket.pause();
    for (let n = 0; n < 400; n++) socket.write(ask("/openapi.json", 1_000));
    const other = await connectPeer(url({ user_id: "bob" }));
    for (let n = 0; n < 20; n++) await other.caughtUp();
    expect(socket.writableLength).toBeGreaterThan(10_000_000);
  });
});

describe("the sockets of plain HTTP", () => {
  it("beyond the limit cut the longest idle one, and where none is idle get 503", async () => {
    const { hub, at } = await startHub({ http: { maxSockets: 2 } });
    const [first, second, third] = [connectTo(at.url), connectTo(at.url), connectTo(at.url)];
    for (const socket of [first, second]) {
      socket.write(ask("/health", 1));
      await once(socket, "data");
    }
    third.write(ask("/health", 1));
    await once(first, "close");
    expect(answersIn((await once(third, "data"))[0].toString())).toBe(1);

    // Both are busy now: nobody acknowledges.
    const body = JSON.stringify({ to: "bob", type: "n", ack: true, timeoutMs: 60_000 });
    const post = `POST /ws/message HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    for (const socket of [second, third]) socket.write(post);
    await eventually("both are stored", async () => (await hub.history("user:bob")).messages.length === 2);
    const late = connectTo(at.url);
    const text = textOf(late);
    late.write(ask("/health", 1));
    await once(late, "close");
    expect(text()).toMatch(/^HTTP\/1\.1 503 [\s\S]*"unavailable"/);
  });

  it("without a request are closed after the idle time", async () => {
    const { at } = await startHub({ http: { idleTimeoutMs: 50 } });
    const socket = connectTo(at.url);
    socket.write(ask("/health", 1));
    await once(socket.resume(), "close");
  });

  it("are counted", async () => {
    const { at } = await startHub();
    const sockets = [connectTo(at.url), connectTo(at.url)];
    for (const socket of sockets) {
      socket.write(ask("/health", 1));
      await once(socket, "data");
    }
    const [first] = sockets;
    first?.write(ask("/metrics", 1));
    const text = first ? textOf(first) : () => "";
    await eventually("the metrics have come", () => /tidings_http_sockets 2\n/.test(text()));
  });
});
