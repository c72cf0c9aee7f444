import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocketServer } from "ws";
import { createHub, type HubOptions } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { connectPeer, Peer } from "../../support/peer.ts";
import { connectTo, RawPeer } from "../../support/raw.ts";

/** A hub on an application's server, beside whatever `others` adds. */
async function sharedServer(others: (server: Server) => void, options: HubOptions = {}): Promise<string> {
  const server = createServer();
  const hub = createHub({ logLevel: "silent", shutdown: { reconnectSpreadMs: 0 }, ...options });
  hub.attach(server);
  others(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    await hub.close();
    server.closeAllConnections();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Another library's WebSockets at /other. */
function otherSockets(server: Server): void {
  const other = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    if (request.url === "/other") other.handleUpgrade(request, socket, head, (ws) => ws.send("{}"));
  });
}

/** engine.io ends each upgrade that nobody has answered within a second. */
function engineIo(server: Server): void {
  const require = createRequire(import.meta.resolve("socket.io"));
  require("engine.io").attach(server);
}

describe("a server with several listeners for upgrades", () => {
  it("gets 404 for an upgrade that nobody takes, and the socket ends", async () => {
    const base = await sharedServer(otherSockets);
    const peer = new RawPeer(`${base}/nowhere`);
    await peer.closed;
    expect(peer.status).toBe(404);
  });

  it("refuses those of a crowd that would wait longer than the others would", async () => {
    const base = await sharedServer(engineIo, { limits: { whitelistCIDRs: [] } });
    // All come at one moment, also on a slow machine.
    const clock = vi.spyOn(performance, "now").mockReturnValue(performance.now());
    const crowd = Array.from({ length: 100 }, () => new RawPeer(`${base}/ws?user_id=a`));
    await eventually("the last of the crowd is answered", () => crowd.every(({ status }) => status > 0));
    clock.mockRestore();
    // 20 begin at once, and 40 within 400 ms.
    const statuses = crowd.map(({ status }) => status).sort();
    expect([statuses.filter((status) => status === 101).length, new Set(statuses)]).toEqual([
      60,
      new Set([101, 429]),
    ]);
  });

  it("leaves the upgrades of the others alone, also those that take their time", async () => {
    const base = await sharedServer((server) => {
      otherSockets(server);
      const slow = new WebSocketServer({ noServer: true });
      server.on("upgrade", async (request, socket, head) => {
        if (request.url !== "/slow") return;
        socket.on("data", () => undefined);
        await sleep(2_500);
        slow.handleUpgrade(request, socket, head, (ws) => ws.send("{}"));
      });
    });
    const [other, slow] = [new Peer(`${base}/other`), new Peer(`${base}/slow`)];
    for (const peer of [other, slow]) {
      await peer.next(() => true);
      peer.end();
    }
  });

  it("beside engine.io answers a login that takes longer than a second", async () => {
    const auth = {
      mode: "token",
      async authenticate({ token = "" }) {
        await sleep(1_500);
        return { user: token };
      },
    } as const;
    const base = await sharedServer(engineIo, { auth });
    const peer = await connectPeer(`${base}/ws?token=alice`);
    expect(peer.frames[0]).toMatchObject({ user: "alice" });
  });

  it("beside engine.io answers while the node starts", async () => {
    const base = await sharedServer(engineIo, { redis: "redis://127.0.0.1:1" });
    const peer = new RawPeer(`${base}/ws?user_id=alice`);
    await peer.closed;
    expect(peer.status).toBe(503);
    expect(peer.head).toMatch(/retry-after: \d/i);
  });
});

it("a TCP connection without a byte is ended", async () => {
  const hub = createHub({ logLevel: "silent", websocket: { handshakeTimeoutMs: 200 } });
  onTestFinished(() => hub.close());
  const { url } = await hub.listen({ port: 0, host: "127.0.0.1" });
  const socket = connectTo(url);
  await once(socket.resume(), "close");
});
