import { once } from "node:events";
import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { textFrame } from "../../../src/local/local.ts";
import { RawPeer } from "../../support/raw.ts";
import { clientFrame, OPCODE } from "../../support/wire.ts";
import { startSocketServer, type Told } from "./server.ts";

const DEFLATE = { "Sec-WebSocket-Extensions": "permessage-deflate" };

const closing = (code: number, reason = ""): Buffer =>
  clientFrame({
    opcode: OPCODE.close,
    payload: Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]),
  });

/** Both sides of a WebSocket. The client answers no close by itself. */
async function connected(options = {}): Promise<{ peer: RawPeer; told: Told }> {
  const server = await startSocketServer(options);
  const next = server.next();
  const peer = new RawPeer(server.url, DEFLATE);
  peer.answersClose = false;
  const told = await next;
  await peer.until(() => peer.status === 101);
  return { peer, told };
}

/** Close frames that a client has received, as hex. */
const closesOf = ({ received }: RawPeer): string[] =>
  received.filter(({ opcode }) => opcode === OPCODE.close).map(({ payload }) => payload.toString("hex"));

describe("a close by the client", () => {
  it.each<[what: string, frame: Buffer, answer: string, code: number, reason: string]>([
    ["with a code and a reason", closing(4_001, "bye €"), "0fa162796520e282ac", 4_001, "bye €"],
    ["with a code", closing(1_000), "03e8", 1_000, ""],
    ["without a code", clientFrame({ opcode: OPCODE.close }), "", 1_005, ""],
  ])(
    "%s gets the same back, and the server ends the stream first",
    async (_what, frame, answer, code, reason) => {
      const { peer, told } = await connected();
      const ended = once(peer.socket, "end");
      peer.write(frame, clientFrame({ payload: "late" }));
      await ended;
      peer.socket.end();
      await told.ended;
      expect(closesOf(peer)).toEqual([answer]);
      expect(told.closes).toEqual([{ code, reason }]);
      expect(told.texts).toEqual([]);
      expect(told.socket.ending).toBeUndefined();
    },
  );

  it("is answered while the server does not read the rest", async () => {
    const { peer, told } = await connected();
    const ended = once(peer.socket, "end");
    told.received = () => told.socket.pause();
    told.text = () => told.socket.pause();
    peer.write(clientFrame({ payload: "pause" }), closing(1_000));
    await ended;
    peer.socket.end();
    await told.ended;
    expect(told.closes).toEqual([{ code: 1_000, reason: "" }]);
  });

  it("gets the close frame behind all that it has not taken, and nothing behind that", async () => {
    const { peer, told } = await connected();
    peer.socket.pause();
    const message = textFrame(`"${"x".repeat(1_000_000)}"`);
    for (let n = 0; n < 20; n++) told.socket.stream.write(message);
    peer.write(closing(1_000));
    await told.until(() => told.bytes > 0);
    expect(told.socket.stream.writableLength).toBeGreaterThan(0);
    const ended = once(peer.socket, "end");
    const late = told.socket.stream.write(message);
    peer.socket.resume();
    await ended;
    peer.socket.end();
    await told.ended;
    expect(late).toBe(false);
    expect(peer.received.map(({ opcode }) => opcode)).toEqual([
      ...new Array(20).fill(OPCODE.text),
      OPCODE.close,
    ]);
    expect(told.closes).toEqual([{ code: 1_000, reason: "" }]);
  });

  it("cuts a client that does not end its side", async () => {
    const { peer, told } = await connected({ closeTimeoutMs: 50 });
    peer.socket.allowHalfOpen = true;
    peer.write(closing(1_000));
    await told.ended;
    expect(told.closes).toEqual([{ code: 1_000, reason: "" }]);
  });
});

describe("a close by the server", () => {
  it("waits for the client's part, and tells what it says", async () => {
    const { peer, told } = await connected();
    const ended = once(peer.socket, "end");
    told.socket.close(4_100, "go");
    told.socket.close(4_200, "once only");
    told.socket.send("too late");
    await peer.until(() => closesOf(peer).length > 0);
    peer.write(clientFrame({ payload: "on its way" }), closing(1_000, "gone"));
    await ended;
    peer.socket.end();
    await told.ended;
    expect(peer.received.map(({ payload }) => payload.toString("hex"))).toEqual(["1004676f"]);
    expect(told.texts).toEqual(["on its way"]);
    expect(told.closes).toEqual([{ code: 1_000, reason: "gone" }]);
    expect(told.socket.ending).toEqual({ code: 4_100, reason: "go", byReceiver: false });
  });

  it("stays the end when the client breaks a rule behind it", async () => {
    const { peer, told } = await connected();
    told.socket.close(4_100, "go");
    await peer.until(() => closesOf(peer).length > 0);
    const ended = once(peer.socket, "end");
    peer.write(clientFrame({ masked: false }));
    await ended;
    peer.socket.end();
    await told.ended;
    expect(closesOf(peer)).toHaveLength(1);
    expect(told.socket.ending).toMatchObject({ code: 4_100, byReceiver: false });
  });

  it("at the same time as the client's sends one close frame", async () => {
    const { peer, told } = await connected();
    told.text = () => told.socket.close(4_100, "");
    const ended = once(peer.socket, "end");
    peer.write(clientFrame({ payload: "close" }), closing(1_000));
    await ended;
    peer.socket.end();
    await told.ended;
    expect(closesOf(peer)).toEqual(["1004"]);
    expect(told.closes).toEqual([{ code: 1_000, reason: "" }]);
  });

  it("cuts a client that does not answer", async () => {
    const { told } = await connected({ closeTimeoutMs: 50 });
    told.socket.close(4_100, "");
    await told.ended;
    expect(told.closes).toEqual([{ code: 1_006, reason: "" }]);
  });

  it("cuts a reason after the last character that fits", async () => {
    const { peer, told } = await connected();
    told.socket.close(4_100, "€".repeat(100));
    await peer.until(() => closesOf(peer).length > 0);
    expect(
      Buffer.from(closesOf(peer)[0] ?? "", "hex")
        .subarray(2)
        .toString(),
    ).toBe("€".repeat(41));
    expect(told.socket.ending?.reason).toBe("€".repeat(41));
  });

  it("for a broken frame comes behind the pongs, and waits for nothing that the client sends", async () => {
    const { peer, told } = await connected();
    const ended = once(peer.socket, "end");
    const ping = clientFrame({ opcode: OPCODE.ping, payload: "p" });
    peer.write(ping, ping, clientFrame({ masked: false }), ping, clientFrame({ payload: "late" }));
    await ended;
    peer.socket.end();
    await told.ended;
    expect(peer.received.map(({ opcode }) => opcode)).toEqual([OPCODE.pong, OPCODE.pong, OPCODE.close]);
    expect(told.socket.ending).toMatchObject({ code: 1_002, byReceiver: true });
    expect(told.closes).toEqual([{ code: 1_006, reason: "" }]);
    expect(told.texts).toEqual([]);
  });
});

describe("a stream that ends without a close frame", () => {
  it("by the client tells 1006", async () => {
    const { peer, told } = await connected();
    peer.socket.end();
    await told.ended;
    expect(told.closes).toEqual([{ code: 1_006, reason: "" }]);
    told.socket.close(4_100, "too late");
    told.socket.terminate();
    expect(told.closes).toHaveLength(1);
  });

  it("by a reset, or by the server, tells 1006", async () => {
    for (const end of [
      ({ peer }: { peer: RawPeer }) => peer.socket.resetAndDestroy(),
      ({ told }: { told: Told }) => told.socket.terminate(),
    ]) {
      const both = await connected();
      end(both);
      await both.told.ended;
      expect(both.told.closes).toEqual([{ code: 1_006, reason: "" }]);
    }
  });

  it("while the server does not read tells the messages that have come", async () => {
    const { peer, told } = await connected();
    told.socket.pause();
    peer.write(clientFrame({ payload: "unread" }));
    while (told.socket.stream.readableLength === 0) await new Promise((resolve) => setImmediate(resolve));
    told.socket.terminate();
    await told.ended;
    expect(told.texts).toEqual(["unread"]);
  });

  it("while a message is inflated tells that message first", async () => {
    const { peer, told } = await connected({ deflate: true });
    const payload = deflateRawSync("inflated", { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const bytes = clientFrame({ reserved: 4, payload });
    const closed = told.closed.bind(told);
    told.closed = (...end) => {
      told.texts.push("closed");
      closed(...end);
    };
    told.received = () => told.socket.terminate();
    peer.write(bytes, clientFrame({ payload: "behind" }));
    await told.ended;
    expect(told.texts).toEqual(["inflated", "behind", "closed"]);
  });
});
