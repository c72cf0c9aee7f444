import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { createHub, type Hub } from "../../src/index.ts";
import { connectPeer, isMessage } from "../support/peer.ts";

/** A hub with so many users, and the server's ends of their sockets in the order of the users. */
async function hubWithSockets(users: number) {
  const hub = createHub({ logLevel: "silent", shutdown: { drainMs: 2_000, reconnectSpreadMs: 0 } });
  const server = createServer();
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  hub.attach(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    await hub.close();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const peers = [];
  for (let user = 0; user < users; user++)
    peers.push(await connectPeer(`ws://127.0.0.1:${port}/ws?user_id=u${user}`));
  return { hub, peers, written: () => sockets.map(({ bytesWritten }) => bytesWritten) };
}

const publish = (hub: Hub<Record<string, unknown>>, user: number, data: unknown) =>
  hub.user(`u${user}`).send({ type: "n", data, ephemeral: true });

describe("a tick", () => {
  it("writes the first message to a user at once, and the others together when it ends", async () => {
    const { hub, peers, written } = await hubWithSockets(1);
    const [before = 0] = written();
    const first = publish(hub, 0, 0);
    const [afterFirst = 0] = written();
    const others = Array.from({ length: 9 }, (_, n) => publish(hub, 0, n + 1));
    const [afterAll = 0] = written();
    expect(afterFirst).toBeGreaterThan(before);
    expect(afterAll).toBe(afterFirst);
    await Promise.all([first, ...others]);
    const frames = await peers[0]?.take(10, isMessage);
    expect(frames?.map(({ data }) => data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("writes to 128 users at once, so that messages to very many do not hold up the event loop", async () => {
    const { hub, peers, written } = await hubWithSockets(140);
    const before = written();
    const published = peers.map((_, user) => publish(hub, user, "hi"));
    const isWritten = written().map((bytes, index) => bytes > (before[index] ?? 0));
    expect(isWritten.filter(Boolean)).toHaveLength(128);
    await Promise.all(published);
    for (const peer of peers) expect(await peer.next(isMessage)).toMatchObject({ data: "hi" });
  });

  it("keeps a fan-out for its end", async () => {
    const { hub, peers, written } = await hubWithSockets(3);
    const before = written();
    const published = hub.broadcast({ type: "n", data: "hi", ephemeral: true });
    expect(written()).toEqual(before);
    await published;
    for (const peer of peers) expect(await peer.next(isMessage)).toMatchObject({ data: "hi" });
  });
});
