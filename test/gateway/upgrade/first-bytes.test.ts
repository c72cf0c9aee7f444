import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";

const UPGRADE =
  "GET /ws?user_id=alice HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async function open({ host, port }: { host: string; port: number }): Promise<Socket> {
  const socket = connect(port, host).setEncoding("latin1");
  await once(socket, "connect");
  return socket;
}

const answer = async (socket: Socket): Promise<string> => String((await once(socket, "data"))[0]);

describe("the first bytes of a socket", () => {
  it("that never come end it with 408", async () => {
    const { at } = await startHub({ websocket: { handshakeTimeoutMs: 100 } });
    const socket = await open(at);
    expect(await answer(socket)).toMatch(/^HTTP\/1\.1 408 /);
    await once(socket, "close");
  });

  it("may be a plain request, which Node reads, and further ones", async () => {
    const { at } = await startHub();
    const socket = await open(at);
    for (let request = 0; request < 2; request++) {
      socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
      expect(await answer(socket)).toMatch(/^HTTP\/1\.1 200 /);
    }
    socket.write(UPGRADE);
    expect(await answer(socket)).toMatch(/^HTTP\/1\.1 101 /);
    socket.destroy();
  });

  it("may be a part of an upgrade", async () => {
    const { at } = await startHub();
    const socket = await open(at);
    await new Promise((done) => socket.write(UPGRADE.slice(0, 40), done));
    await new Promise(setImmediate);
    socket.write(UPGRADE.slice(40));
    expect(await answer(socket)).toMatch(/^HTTP\/1\.1 101 /);
    socket.destroy();
  });

  it("do not keep a hub from closing while they are awaited", async () => {
    const { hub, at } = await startHub({ websocket: { handshakeTimeoutMs: 60_000 } });
    const socket = (await open(at)).on("error", () => undefined);
    const closed = once(socket.resume(), "close");
    // The hub has the socket once it has served a later one.
    const later = await open(at);
    later.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await answer(later);
    await hub.close();
    await closed;
    later.destroy();
  });
});
