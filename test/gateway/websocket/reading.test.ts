import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { inflateMessage } from "../../../src/gateway/websocket/inflate.ts";
import { RawPeer, turns } from "../../support/raw.ts";
import { clientFrame, OPCODE } from "../../support/wire.ts";
import { startSocketServer, type Told } from "./server.ts";

const DEFLATE = { "Sec-WebSocket-Extensions": "permessage-deflate" };

async function connected({
  deflate = false,
  behind = Buffer.alloc(0) as Uint8Array,
} = {}): Promise<{ peer: RawPeer; told: Told }> {
  const server = await startSocketServer({ deflate });
  const next = server.next();
  const peer = new RawPeer(server.url, DEFLATE, behind);
  const told = await next;
  await peer.until(() => peer.status === 101);
  return { peer, told };
}

const compressed = (text: string): Buffer => {
  const payload = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  return clientFrame({ reserved: 4, payload });
};

describe("pings", () => {
  const ping = (payload: string | Uint8Array): Buffer => clientFrame({ opcode: OPCODE.ping, payload });

  it("are answered in their order with their payload, between messages", async () => {
    const { peer, told } = await connected();
    told.text = (text) => told.socket.send(text);
    peer.write(
      ping("1"),
      clientFrame({ payload: '"a"' }),
      ping("2"),
      ping(""),
      clientFrame({ payload: '"b"' }),
    );
    await peer.until(() => peer.received.length === 5);
    expect(peer.received.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [OPCODE.pong, "1"],
      [OPCODE.text, '"a"'],
      [OPCODE.pong, "2"],
      [OPCODE.pong, ""],
      [OPCODE.text, '"b"'],
    ]);
  });

  it("of a client that does not read fill no memory, and the last one is answered when it reads", async () => {
    const { peer, told } = await connected();
    peer.socket.pause();
    const burst = Buffer.concat(Array.from({ length: 10_000 }, () => ping(Buffer.alloc(125))));
    let sent = 0;
    // The kernel takes some megabytes of pongs.
    while (told.socket.stream.writableLength === 0 && sent < 100_000_000) {
      await new Promise<unknown>((resolve) => peer.socket.write(burst, resolve));
      sent += burst.length;
    }
    peer.write(burst, ping("last"));
    await told.until(() => told.bytes >= sent + burst.length + ping("last").length);
    expect(told.socket.stream.writableLength).toBeLessThan(64 * 1_024);
    peer.socket.resume();
    await peer.until(() => peer.received.at(-1)?.payload.toString() === "last");
    peer.write(ping("again"));
    await peer.until(() => peer.received.at(-1)?.payload.toString() === "again");
  });
});

describe("a socket", () => {
  it("tells the messages that came with the upgrade request", async () => {
    const { told } = await connected({ behind: clientFrame({ payload: "early" }) });
    await told.until(() => told.texts.length === 1);
    expect(told.texts).toEqual(["early"]);
  });

  it("that is paused reads nothing until it is resumed", async () => {
    const { peer, told } = await connected();
    told.socket.pause();
    peer.write(clientFrame({ payload: "1" }));
    await turns();
    expect([told.texts, told.socket.isPaused]).toEqual([[], true]);
    told.socket.resume();
    await told.until(() => told.texts.length === 1);
  });

  it("reads nothing while a message is inflated, and goes on by itself", async () => {
    const { peer, told } = await connected({ deflate: true });
    for (let n = 0; n < 50; n++) peer.write(compressed(`${n}`), clientFrame({ payload: `${n} plain` }));
    await told.until(() => told.texts.length === 100);
    expect(told.texts).toEqual(Array.from({ length: 50 }, (_, n) => [`${n}`, `${n} plain`]).flat());
  });

  it("holds one read at most while a message waits to be inflated", async () => {
    const { peer, told } = await connected({ deflate: true });
    const done = Array.from({ length: 100 }, () => {
      const zeros = deflateRawSync(Buffer.alloc(5_000_000));
      return new Promise((resolve) => inflateMessage(zeros, 5_000_000, resolve));
    });
    let read = 0;
    told.text = (text) => {
      read ||= told.bytes;
      told.texts.push(text);
    };
    const message = clientFrame({ payload: "x".repeat(10_000) });
    peer.write(
      compressed("first"),
      ...new Array<Buffer>(1_000).fill(message),
      clientFrame({ payload: "last" }),
    );
    await told.until(() => told.texts.at(-1) === "last");
    expect(told.texts[0]).toBe("first");
    expect(read).toBeLessThanOrEqual(65_536);
    await Promise.all(done);
  });

  it("that is paused while a message is inflated stays paused", async () => {
    const { peer, told } = await connected({ deflate: true });
    told.received = () => told.socket.pause();
    peer.write(compressed("1"));
    await told.until(() => told.texts.length === 1);
    peer.write(clientFrame({ payload: "2" }));
    await turns();
    expect(told.texts).toEqual(["1"]);
    told.socket.resume();
    await told.until(() => told.texts.length === 2);
  });
});
