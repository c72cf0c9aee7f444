import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { handBack } from "../../../src/gateway/upgrade/upgrades.ts";
import { createHub, type Hub } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";
import { connectTo } from "../../support/raw.ts";

const application = (hub: Hub<Record<string, unknown>>): RequestListener => {
  return (request, response) => {
    if (request.url !== "/app") return hub.handler(request, response);
    request.pipe(response); // an echo
  };
};

async function serve(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // of TCP
}

function embed(prepare: (server: Server) => void = () => undefined): Promise<string> {
  const hub = createHub({ logLevel: "silent" });
  onTestFinished(() => hub.close());
  const server = createServer(application(hub));
  hub.attach(server);
  prepare(server);
  return serve(server);
}

const HOSTS: [string, () => Promise<string>][] = [
  ["the hub's own server", async () => (await startHub()).at.url],
  ["an application's server", () => embed()],
  [
    "an application's server with another upgrade listener",
    () => embed((server) => server.on("upgrade", () => undefined)),
  ],
];

const H2C =
  "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
const OFFERS: [string, string][] = [
  ["h2c", H2C],
  ["TLS", "Upgrade: TLS/1.0, HTTP/1.1\r\nConnection: Upgrade\r\n"],
  ["WebSocket among others", "Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n"],
];

/** Sends requests on one socket, each when the one before has been answered. @returns all that comes back */
async function exchange(url: string, ...requests: string[]): Promise<string> {
  const socket: Socket = connectTo(url);
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  for (const request of requests) {
    const before = text.length;
    socket.write(request);
    await eventually(
      `${request.split("\r\n")[0]} is answered`,
      () => /\r\n\r\n[\s\S]+$/.test(text.slice(before)) || socket.destroyed,
    );
  }
  return text;
}

const get = (path: string, headers: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`;
const post = (path: string, headers: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;

const statuses = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

describe.each(HOSTS)("an offer to upgrade to another protocol, at %s,", (_host, start) => {
  it.each(OFFERS)("is ignored: %s", async (_what, offer) => {
    const url = await start();
    const message = JSON.stringify({ to: "bob", type: "n", data: "through h2c" });
    // On one socket, so that nothing of a request is taken for the next one.
    const text = await exchange(
      url,
      get("/health", offer),
      post("/ws/message", offer, message),
      get("/ws", offer),
      get("/nowhere", offer),
      get("/health", ""),
    );
    expect(statuses(text)).toEqual([200, 200, 426, 404, 200]);
    expect(text).toContain('"offset":1');
    await connectPeer(`${url.replace("http", "ws")}/ws?user_id=bob`);
  });
});

describe("an application's routes", () => {
  it.each(OFFERS)("answer requests that offer %s", async (_what, offer) => {
    const url = await embed();
    const text = await exchange(url, post("/app", offer, "a body"));
    expect(statuses(text)).toEqual([200]);
    expect(text).toContain("a body");
  });

  it("are as before when the hub has closed", async () => {
    const hub = createHub({ logLevel: "silent" });
    const server = createServer(application(hub));
    hub.attach(server);
    const url = await serve(server);
    await hub.close();
    const taken = once(server, "upgrade");
    connectTo(url).write(get("/app", H2C));
    const [request, stream] = await taken;
    expect(request.headers.upgrade).toBe("h2c");
    stream.destroy();
  });
});

describe("an upgrade in HTTP/1.0", () => {
  it("is ignored", async () => {
    const { at } = await startHub();
    const offer = "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    const text = await exchange(at.url, `GET /ws HTTP/1.0\r\n${offer}\r\n`);
    expect(statuses(text)).toEqual([426]);
  });
});

describe("an upgrade that Node has taken already", () => {
  it.each(OFFERS)(
    "is given back to the server, with its body, and so are the next: %s",
    async (_what, offer) => {
      const hub = createHub({ logLevel: "silent" });
      onTestFinished(() => hub.close());
      const server = createServer(application(hub));
      server.on("upgrade", (request, stream, head) => handBack(server, request, stream, head));
      const url = await serve(server);
      const text = await exchange(
        url,
        post("/app", offer, "one"),
        get("/health", offer),
        post("/app", offer, "the last"),
      );
      expect(statuses(text)).toEqual([200, 200, 200]);
      expect(text).toMatch(/one[\s\S]*healthy[\s\S]*the last/);
    },
  );
});
