import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { startHub } from "../support/hub.ts";
import { startHubProcess } from "../support/hub-process/hub-process.ts";
import { connectPeer, isMessage } from "../support/peer.ts";
import { connectRaw, RawPeer } from "../support/raw.ts";
import { clientFrame, OPCODE, type ServerFrame } from "../support/wire.ts";

const MIB = 1_048_576;
const mallory = { user_id: "mallory" };
const bob = { user_id: "bob" };
const websocket = { enableCompression: true };
const deflate = { "Sec-WebSocket-Extensions": "permessage-deflate" };

/** Deflates as RFC 7692 section 7.2 says: without the last four bytes. */
const compressed = (payload: string | Uint8Array): Buffer => {
  const bytes = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH });
  return clientFrame({ reserved: 4, payload: bytes.subarray(0, -4) });
};

const inflated = ({ payload }: ServerFrame, windowBits = 15): string =>
  inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), {
    windowBits,
    finishFlush: constants.Z_SYNC_FLUSH,
  }).toString();

describe("a decompression bomb", () => {
  it("is closed with 1009, and fifty at once use bounded memory", async () => {
    const hub = await startHubProcess({ websocket });
    const before = await hub.memory();
    const bomb = compressed(Buffer.alloc(200 * MIB));
    expect(bomb.length).toBeLessThan(MIB / 2);
    const peers = await Promise.all(Array.from({ length: 50 }, () => connectRaw(hub.url(mallory), deflate)));
    for (const peer of peers) peer.write(bomb);
    const codes = await Promise.all(peers.map(async ({ closed }) => (await closed).code));
    expect(codes).toEqual(new Array(50).fill(1009));
    expect((await hub.memory()) - before).toBeLessThan(16 * MIB);
    await connectPeer(hub.url(bob));
  });

  it("is closed with 1009 in fragments, and before the login", async () => {
    const { url } = await startHub({ websocket });
    const bomb = compressed(Buffer.alloc(10 * MIB));
    expect((await new RawPeer(url(), deflate, bomb).closed).code).toBe(1009);
    const bytes = deflateRawSync(Buffer.alloc(10 * MIB), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(
      0,
      -4,
    );
    const peer = await connectRaw(url(mallory), deflate);
    const first = { opcode: OPCODE.text, reserved: 4, fin: false, payload: bytes.subarray(0, 100) };
    const rest = { opcode: OPCODE.continuation, payload: bytes.subarray(100) };
    peer.write(clientFrame(first), clientFrame(rest));
    expect((await peer.closed).code).toBe(1009);
  });
});

describe("compressed input", () => {
  it("has the message limit of uncompressed input", async () => {
    const { url } = await startHub({ websocket });
    const peer = await connectRaw(url(mallory), deflate);
    const data = "x".repeat(524_288 - 100);
    peer.write(compressed(JSON.stringify({ id: 1, action: "robot.ping", data })));
    peer.write(compressed(JSON.stringify({ id: 2, action: "robot.ping" })));
    await peer.until(() => peer.frames.some(({ id }) => id === 2));
    // The reply is compressed as pushes are.
    const [reply] = peer.received.filter((frame) => frame.compressed).map((frame) => inflated(frame));
    expect(JSON.parse(reply ?? "{}")).toEqual({ id: 1, data });
  });

  it("that is not deflate data closes the connection with 1007, and so does bad UTF-8 in it", async () => {
    const { url } = await startHub({ websocket });
    for (const frame of [
      clientFrame({ reserved: 4, payload: Buffer.alloc(100, 0xff) }),
      compressed(Buffer.from([0xff, 0xfe])),
    ]) {
      const peer = await connectRaw(url(mallory), deflate);
      peer.write(frame);
      expect((await peer.closed).code).toBe(1007);
    }
  });

  it("without agreement closes the connection with 1002", async () => {
    const { url } = await startHub();
    const peer = await connectRaw(url(mallory), deflate);
    expect(peer.head.toLowerCase()).not.toContain("sec-websocket-extensions");
    peer.write(compressed("{}"));
    expect((await peer.closed).code).toBe(1002);
  });
});

describe("compressed output", () => {
  const text = JSON.stringify({ text: "again and ".repeat(1_000) });

  it("has one content for every client, and is small for those that agreed to it", async () => {
    const { hub, url } = await startHub({ websocket });
    const able = await connectRaw(url(bob), deflate);
    const unable = await connectRaw(url(bob));
    const { id } = await hub.user("bob").send({ type: "n", data: JSON.parse(text) });
    await unable.until(() => unable.frames.some(isMessage));
    await able.until(() => able.received.some((frame) => frame.compressed));
    const frame = able.received.find((each) => each.compressed);
    expect(frame && inflated(frame)).toBe(unable.received.at(-1)?.payload.toString());
    expect(JSON.parse(frame ? inflated(frame) : "")).toMatchObject({ id, data: JSON.parse(text) });
    expect(frame?.payload.length).toBeLessThan(text.length / 2);
  });

  it("covers replay, history and replies by the same rule", async () => {
    const { hub, url } = await startHub({ websocket });
    const { epoch } = await hub.user("bob").send({ type: "n", data: JSON.parse(text) });
    const position = { "user:bob": { epoch, offset: 0 } };
    const peer = await connectRaw(url({ ...bob, resume: JSON.stringify(position) }), deflate);
    const texts = (): string[] =>
      peer.received.filter((frame) => frame.compressed).map((frame) => inflated(frame));
    await peer.until(() => texts().length === 1);
    expect(JSON.parse(texts()[0] ?? "")).toMatchObject({ type: "n", offset: 1 });
    peer.send({ id: 1, action: "message.history", data: {} });
    await peer.until(() => texts().length === 2);
    expect(JSON.parse(texts()[1] ?? "")).toMatchObject({ id: 1, data: { messages: [{ offset: 1 }] } });
    peer.send({ id: 2, action: "robot.ping", data: text });
    await peer.until(() => texts().length === 3);
    expect(JSON.parse(texts()[2] ?? "")).toEqual({ id: 2, data: text });
    // Live messages that a replay has held back.
    peer.send({ id: 3, action: "message.resume", data: { channel: "user:bob", epoch, offset: 0 } });
    await hub.user("bob").send({ type: "n", data: JSON.parse(text) });
    await peer.until(() => texts().some((each) => each.includes('"offset":2')));
    expect(peer.received.filter(({ compressed: is, payload }) => !is && payload.length > 1_024)).toEqual([]);
  });

  it.each<[offer: string, agreed: string | undefined]>([
    ["permessage-deflate", "permessage-deflate"],
    ["permessage-deflate; server_max_window_bits=10, permessage-deflate", "permessage-deflate"],
    [
      "permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate; client_max_window_bits",
      "permessage-deflate",
    ],
    ['permessage-deflate; server_max_window_bits="15"', "server_max_window_bits=15"],
    ["permessage-deflate; client_max_window_bits=9", "client_max_window_bits=9"],
    ["permessage-deflate; server_max_window_bits=7, permessage-deflate", "permessage-deflate"],
    ["permessage-deflate; something_else, permessage-deflate", "permessage-deflate"],
    ["permessage-deflate; client_max_window_bits; client_max_window_bits", undefined],
    ['x-other; a="1, permessage-deflate; b"', undefined],
    ["permessage-deflate;;", undefined],
    ['"', undefined],
  ])("is agreed for the first offer that fits: %s", async (offer, agreed) => {
    const { hub, url } = await startHub({ websocket });
    const peer = await connectRaw(url(bob), { "Sec-WebSocket-Extensions": offer });
    const header = /^sec-websocket-extensions: (.*)\r$/im.exec(peer.head)?.[1];
    if (agreed === undefined) expect(header).toBeUndefined();
    else expect(header).toContain(agreed);
    await hub.user("bob").send({ type: "n", data: JSON.parse(text) });
    await peer.until(() =>
      peer.received.some(({ compressed: is, payload }) => is || payload.includes("again")),
    );
    expect(peer.received.some((frame) => frame.compressed)).toBe(agreed !== undefined);
  });

  it("starts at the threshold", async () => {
    const { hub, url } = await startHub({ websocket: { ...websocket, compressionThreshold: 500 } });
    const peer = await connectRaw(url(bob), deflate);
    await hub.user("bob").send({ type: "n", data: "x".repeat(300) });
    await hub.user("bob").send({ type: "n", data: "x".repeat(500) });
    const messages = () =>
      peer.received.filter(({ payload, compressed: is }) => is || payload.includes('"n"'));
    await peer.until(() => messages().length === 2);
    expect(messages().map((frame) => frame.compressed)).toEqual([false, true]);
  });

  it.each([-2, -1, 0, 1, 6, 9])("is readable at level %i", async (compressionLevel) => {
    const { hub, url } = await startHub({ websocket: { ...websocket, compressionLevel } });
    const peer = await connectPeer(url(bob), { perMessageDeflate: true });
    for (let n = 0; n < 20; n++) await hub.user("bob").send({ type: "n", data: `${text}${n}` });
    const got = await peer.take(20, isMessage);
    expect(got.map(({ data }) => data)).toEqual(got.map((_, n) => `${text}${n}`));
  });

  it.each(
    [
      "permessage-deflate; server_max_window_bits=9",
      "permessage-deflate; server_max_window_bits=15",
      "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
      "permessage-deflate; server_no_context_takeover; client_max_window_bits=8",
      "x-unknown, permessage-deflate; client_no_context_takeover",
      'permessage-deflate; server_max_window_bits="10"',
    ].flatMap((offer) => [-2, 6].map((level) => [offer, level] as const)),
  )("suits a client that offers %s, at level %i", async (offer, compressionLevel) => {
    const { hub, url } = await startHub({ websocket: { ...websocket, compressionLevel } });
    const peer = await connectRaw(url(bob), { "Sec-WebSocket-Extensions": offer });
    const windowBits = Number(/server_max_window_bits="?(\d+)/.exec(offer)?.[1] ?? 15);
    if (windowBits < 15) expect(peer.head.toLowerCase()).toContain(`server_max_window_bits=${windowBits}`);
    await hub.user("bob").send({ type: "n", data: text });
    const read = (frame: ServerFrame): string =>
      frame.compressed ? inflated(frame, windowBits) : frame.payload.toString();
    await peer.until(() => peer.received.some((frame) => read(frame).includes("again")));
    // Codes alone suit any window; references to bytes that it has not would be no data to the client.
    const isCompressed = windowBits === 15 || compressionLevel === -2;
    expect(peer.received.some((frame) => frame.compressed)).toBe(isCompressed);
    peer.write(compressed(JSON.stringify({ id: 1, action: "robot.ping", data: text })));
    await peer.until(() => peer.received.some((frame) => read(frame).startsWith('{"id":1')));
  });

  it.each([
    "permessage-deflate; server_max_window_bits=99",
    "permessage-deflate; server_max_window_bits",
    "permessage-deflate; nonsense",
    "permessage-deflate; ;;",
    "permessage-deflate; server_no_context_takeover=1",
  ])("is declined to a client that offers %s, which is served without it", async (offer) => {
    const { url } = await startHub({ websocket });
    const peer = await connectRaw(url(bob), { "Sec-WebSocket-Extensions": offer });
    expect([peer.status, peer.head.toLowerCase()]).toEqual([101, expect.not.stringContaining("extensions")]);
  });

  it("is one JSON document per frame, in order, among uncompressed frames", async () => {
    const { hub, url } = await startHub({ websocket });
    const peer = await connectRaw(url(bob), deflate);
    const total = 300;
    await Promise.all(
      Array.from({ length: total }, (_, n) =>
        hub.user("bob").send({ type: "n", data: n % 3 === 0 ? text : n }),
      ),
    );
    peer.send({ id: 1, action: "robot.ping", data: text });
    await peer.until(() => peer.received.length >= total + 4);
    const read = peer.received.map((frame) =>
      JSON.parse(frame.compressed ? inflated(frame) : frame.payload.toString()),
    );
    const offsets = read.filter(isMessage).map(({ offset }) => offset);
    expect(offsets).toEqual(Array.from({ length: total }, (_, n) => n + 1));
  });
});
