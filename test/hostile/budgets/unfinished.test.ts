import { describe, expect, it, onTestFinished, vi } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { connectPeer, isMessage } from "../../support/peer.ts";
import { connectRaw, RawPeer, turns } from "../../support/raw.ts";
import { clientFrame, OPCODE, textFrame } from "../../support/wire.ts";

const KIB = 1_024;
const mallory = { user_id: "mallory" };
const bob = { user_id: "bob" };

/** A frame that claims more bytes than come. */
const begun = (bytes: number, claims = 500 * KIB): Buffer =>
  clientFrame({ payload: Buffer.alloc(claims, "x") }).subarray(0, bytes);

const fragment = (bytes: number, isFirst: boolean): Buffer =>
  clientFrame({
    opcode: isFirst ? OPCODE.text : OPCODE.continuation,
    payload: "x".repeat(bytes),
    fin: false,
  });

const ping = clientFrame({ opcode: OPCODE.ping });

async function metric({ at }: RunningHub, name: string): Promise<number> {
  const text = await (await fetch(`${at.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
}

/** A login may take longer than a test: whoever is closed must not keep a place among the logins until this deadline. */
const UNHURRIED = { loginTimeoutMs: 3_600_000 };

const noneInFlight = (running: RunningHub): Promise<unknown> =>
  eventually("no login is in flight", async () => (await metric(running, "tidings_pending_logins")) === 0);

describe("before the login", () => {
  it.each<[string, Buffer]>([
    ["one frame", begun(70 * KIB)],
    ["fragments", Buffer.concat([0, 1, 2, 3, 4].map((n) => fragment(16 * KIB, n === 0)))],
    ["pongs", Buffer.concat(new Array(12 * KIB).fill(clientFrame({ opcode: OPCODE.pong })))],
    [
      "a login that is too long",
      textFrame({ id: 1, action: "robot.login", data: { ...mallory, device: "x".repeat(80 * KIB) } }),
    ],
    ["junk and a frame", Buffer.concat([textFrame("null"), begun(70 * KIB)])],
  ])("more than 64 KiB in %s end the connection with 1009, and others are served", async (_what, bytes) => {
    const running = await startHub({ websocket: UNHURRIED });
    const { url } = running;
    const peer = new RawPeer(url(), {}, bytes);
    const { code, reason } = await peer.closed;
    expect({ code, reason }).toEqual({
      code: 1009,
      reason: "expected a login within the first 65536 bytes",
    });
    await (await connectPeer(url(bob))).caughtUp();
    await noneInFlight(running);
  });

  it("the budget is a setting", async () => {
    const { url } = await startHub({ websocket: { maxLoginBytes: 100 } });
    const peer = new RawPeer(url(), {}, begun(200));
    expect((await peer.closed).code).toBe(1009);
  });

  it("compressed bytes count by what they become", async () => {
    const running = await startHub({ websocket: { ...UNHURRIED, enableCompression: true } });
    const { url } = running;
    const { deflateRawSync, constants } = await import("node:zlib");
    const bomb = deflateRawSync(Buffer.alloc(400 * KIB, "x"), { finishFlush: constants.Z_SYNC_FLUSH });
    const frame = clientFrame({ payload: bomb.subarray(0, bomb.length - 4), reserved: 4 });
    const peer = new RawPeer(url(), { "Sec-WebSocket-Extensions": "permessage-deflate" }, frame);
    expect((await peer.closed).code).toBe(1009);
    await noneInFlight(running);
  });

  it("what comes during the login waits, however much, and is handled after it", async () => {
    const { hub, url } = await startHub();
    const admit = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    hub.on("connect", () => {
      asked.resolve();
      return admit.promise;
    });
    const login = textFrame({ id: 1, action: "robot.login", data: mallory });
    const long = textFrame({ type: "n", to: "bob", data: "x".repeat(300 * KIB) });
    const peer = new RawPeer(url(), {}, Buffer.concat([login, long, long]));
    await asked.promise;
    admit.resolve();
    await peer.until(() => peer.frames.some(({ id }) => id === 1));
    await eventually(
      "both are stored",
      async () => (await hub.history("user:bob")).messages.at(-1)?.offset === 2,
    );
  });
});

describe("an unfinished message after the login", () => {
  it.each<[string, Buffer[]]>([
    ["one byte of a frame", [begun(1)]],
    ["a header without a payload", [begun(14)]],
    ["half a frame", [begun(250 * KIB)]],
    ["a fragment", [fragment(10, true)]],
    ["a fragment of nothing", [fragment(0, true)]],
    ["a message and the beginning of another", [textFrame({ type: "n" }), begun(9)]],
  ])("that never ends is closed with 4002, pings or not: %s", async (_what, bytes) => {
    const { url } = await startHub({ websocket: { messageTimeoutMs: 200 } });
    const peer = await connectRaw(url(mallory));
    peer.write(...bytes);
    // Between two fragments a ping can come, inside a payload a byte; after the first byte of a header neither.
    const last = bytes.at(-1) ?? ping;
    const sign = last.length < 14 ? Buffer.alloc(0) : Buffer.from("x");
    const living = setInterval(() => peer.write(last[0] === OPCODE.text ? ping : sign), 20);
    const { code, reason } = await peer.closed;
    clearInterval(living);
    expect({ code, reason }).toEqual({ code: 4002, reason: "a message was not finished within 200 ms" });
  });

  it("has its time from its own beginning, in a stream of messages that touch each other", async () => {
    // By a clock of the test's own: a stall of the machine would make a message late.
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const { url } = await startHub({ websocket: { messageTimeoutMs: 400 } });
    const peer = await connectRaw(url(mallory));
    peer.socket.setNoDelay(); // writes go out by the clock of the test
    const frames = Buffer.concat(
      Array.from({ length: 60 }, (_, id) => textFrame({ id, action: "robot.ping", data: "x".repeat(50) })),
    );
    // Each write ends inside a frame, for longer than the deadline of one message.
    const step = Math.ceil(frames.length / 80);
    for (let start = 0; start < frames.length; start += step) {
      peer.write(frames.subarray(start, start + step));
      await turns();
      vi.advanceTimersByTime(10);
    }
    await peer.until(() => peer.frames.some(({ id }) => id === 59));
  });
});

describe("the bytes of all unfinished messages together", () => {
  it("are bounded: the heaviest connections are closed with 4007, the others are served", async () => {
    const running = await startHub({ websocket: { maxInboundBytes: 1_024 * KIB } });
    const { url } = running;
    const small = await connectRaw(url({ user_id: "small" }));
    const message = textFrame({ id: 7, action: "robot.ping", data: "x".repeat(1_000) });
    small.write(message.subarray(0, 500));
    const peers: RawPeer[] = [];
    const codes: number[] = [];
    for (let n = 0; n < 20; n++) {
      const peer = await connectRaw(url(mallory));
      peer.write(begun(200 * KIB));
      void peer.closed.then(({ code }) => codes.push(code));
      peers.push(peer);
    }
    await eventually("most are closed", () => codes.length >= 13);
    expect(new Set(codes)).toEqual(new Set([4007]));
    expect(await metric(running, "tidings_inbound_bytes")).toBeLessThanOrEqual(1_024 * KIB);
    expect(await metric(running, "tidings_inbound_cut_total")).toBe(codes.length);
    small.write(message.subarray(500));
    await small.until(() => small.frames.some(({ id }) => id === 7));
    for (const { socket } of peers) socket.destroy();
    await eventually("nothing is held", async () => (await metric(running, "tidings_inbound_bytes")) === 0);
  });

  it("are bounded before the login too", async () => {
    const running = await startHub({ websocket: { maxInboundBytes: 256 * KIB } });
    const peers = Array.from({ length: 20 }, () => new RawPeer(running.url(), {}, begun(50 * KIB)));
    const codes: number[] = [];
    for (const { closed } of peers) void closed.then(({ code }) => codes.push(code));
    await eventually("most are closed", () => codes.length >= 14);
    expect(new Set(codes)).toEqual(new Set([4007]));
    await (await connectPeer(running.url(bob))).caughtUp();
  });
});

describe("messages in work", () => {
  it("are bounded by bytes: the node reads on when there is room, and loses none", async () => {
    const running = await startHub({ websocket: { maxInboundBytes: 2_048 * KIB } });
    const { hub, url } = running;
    const go = Promise.withResolvers<void>();
    hub.on("message", ({ connection }) => (connection.user === "mallory" ? go.promise : undefined));
    const receiver = await connectPeer(url(bob));
    const senders = await Promise.all([0, 1, 2, 3].map(() => connectRaw(url(mallory))));
    const message = textFrame({ type: "n", to: "bob", ephemeral: true, data: "x".repeat(300 * KIB) });
    for (const sender of senders) sender.write(message, message, message);
    await eventually(
      "the node holds a message of each",
      async () => (await metric(running, "tidings_inbound_bytes")) >= 900 * KIB,
    );
    expect(await metric(running, "tidings_inbound_waiting")).toBeLessThanOrEqual(4);
    go.resolve();
    await receiver.take(12, isMessage);
    expect(await metric(running, "tidings_inbound_cut_total")).toBe(0);
  });
});

describe("what a socket has received that the node does not read", () => {
  const much = Buffer.alloc(100 * KIB, textFrame({ id: 1, action: "robot.ping" }));

  it("counts in the node's budget while messages are in work, and no longer when they are done", async () => {
    const running = await startHub();
    const go = Promise.withResolvers<void>();
    running.hub.on("message", () => go.promise);
    const peer = await connectRaw(running.url(mallory));
    for (let n = 0; n < 32; n++) peer.send({ type: "n", to: "bob", ephemeral: true });
    await eventually(
      "no more is read",
      async () => (await metric(running, "tidings_inbound_waiting")) === 32,
    );
    peer.write(
      much.subarray(0, much.length - (much.length % textFrame({ id: 1, action: "robot.ping" }).length)),
    );
    await eventually(
      "it is counted",
      async () => (await metric(running, "tidings_inbound_bytes")) > 64 * KIB,
    );
    go.resolve();
    await eventually("nothing is held", async () => (await metric(running, "tidings_inbound_bytes")) === 0);
    await peer.until(() => peer.frames.some(({ id }) => id === 1));
  });

  it("counts during the login too, and the heaviest connections give way", async () => {
    const running = await startHub({ websocket: { maxLoginBytes: KIB, maxInboundBytes: 700 * KIB } });
    const go = Promise.withResolvers<void>();
    running.hub.on("connect", () => go.promise);
    const bytes = Buffer.concat([much, much]);
    const peers = Array.from({ length: 8 }, () => new RawPeer(running.url(mallory), {}, bytes));
    const codes: number[] = [];
    for (const { closed } of peers) void closed.then(({ code }) => codes.push(code));
    // One read of each fits into the budget, and what the sockets have read ahead does not.
    await eventually("some are closed", () => codes.includes(4007));
    expect(await metric(running, "tidings_inbound_bytes")).toBeLessThanOrEqual(700 * KIB);
    for (const { socket } of peers) socket.destroy();
    go.resolve(); // a hub that closes waits for its hooks
  });
});
