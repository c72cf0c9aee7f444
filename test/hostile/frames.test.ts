import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";
import { connectRaw, RawPeer } from "../support/raw.ts";
import { clientFrame, OPCODE, textFrame } from "../support/wire.ts";

const ping = '{"type":"ping"}';
const mallory = { user_id: "mallory" };
const { continuation, text, binary, close } = OPCODE;

let running: RunningHub;
beforeEach(async () => {
  running = await startHub();
});

/** Sends bytes after the welcome. @returns the close code; another client must not notice */
async function closeCode(...bytes: Uint8Array[]): Promise<number> {
  const other = await connectPeer(running.url({ user_id: "other" }));
  const peer = await connectRaw(running.url(mallory));
  peer.write(...bytes);
  const { code } = await peer.closed;
  await other.caughtUp();
  return code;
}

describe("a frame that breaks RFC 6455", () => {
  it.each<[string, number, Uint8Array[]]>([
    ["is not masked", 1002, [clientFrame({ payload: ping, masked: false })]],
    [
      "has the reserved bit of compression without agreement",
      1002,
      [clientFrame({ payload: ping, reserved: 4 })],
    ],
    ["has a reserved bit", 1002, [clientFrame({ payload: ping, reserved: 2 })]],
    ["has an unknown data opcode", 1002, [clientFrame({ opcode: 3 })]],
    ["has an unknown control opcode", 1002, [clientFrame({ opcode: 11 })]],
    [
      "continues a message that was never begun",
      1002,
      [clientFrame({ opcode: continuation, payload: ping })],
    ],
    [
      "begins a message inside another",
      1002,
      [clientFrame({ payload: "{", fin: false }), clientFrame({ payload: ping })],
    ],
    ["is a ping in fragments", 1002, [clientFrame({ opcode: OPCODE.ping, fin: false })]],
    ["is a ping of 126 bytes", 1002, [clientFrame({ opcode: OPCODE.ping, payload: Buffer.alloc(126) })]],
    ["is a close with one byte", 1002, [clientFrame({ opcode: close, payload: Buffer.alloc(1) })]],
    [
      "is a close with a code that must not be sent",
      1002,
      [clientFrame({ opcode: close, payload: Buffer.from([3, 0xee]) })],
    ],
    [
      "is a close with a reason of bad UTF-8",
      1007,
      [clientFrame({ opcode: close, payload: Buffer.from([3, 0xe8, 0xff]) })],
    ],
    ["is a text of bad UTF-8", 1007, [clientFrame({ payload: Buffer.from([0x22, 0xff, 0x22]) })]],
    [
      "is a text with an encoded surrogate",
      1007,
      [clientFrame({ payload: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]) })],
    ],
    [
      "is a text that ends within a character",
      1007,
      [clientFrame({ payload: Buffer.from([0x22, 0xe2, 0x82]) })],
    ],
    [
      "is bad UTF-8 in fragments",
      1007,
      [
        clientFrame({ payload: '"', fin: false }),
        clientFrame({ opcode: continuation, payload: Buffer.from([0xff]) }),
      ],
    ],
    ["is binary", 1003, [clientFrame({ opcode: binary, payload: ping })]],
    ["is binary and empty", 1003, [clientFrame({ opcode: binary })]],
    ["is a text of 1 MiB", 1009, [textFrame("x".repeat(1_048_576))]],
    ["claims more than the limit and brings nothing", 1009, [clientFrame({ claims: 524_289 })]],
    ["claims 8 exabytes", 1009, [clientFrame({ claims: 2n ** 63n - 1n })]],
    ["claims a negative length", 1009, [clientFrame({ claims: 2n ** 64n - 1n })]],
    [
      "makes a message too long by its last fragment",
      1009,
      [
        clientFrame({ payload: "x".repeat(524_288), fin: false }),
        clientFrame({ opcode: continuation, payload: "x" }),
      ],
    ],
  ])("because it %s closes the connection with %i", async (_what, code, bytes) => {
    expect(await closeCode(...bytes)).toBe(code);
  });

  it("closes the connection before the login too", async () => {
    for (const [bytes, code] of [
      [clientFrame({ payload: ping, masked: false }), 1002],
      [clientFrame({ payload: Buffer.from([0xff]) }), 1007],
      [clientFrame({ opcode: binary }), 1003],
      [clientFrame({ claims: 524_289 }), 1009],
    ] as const) {
      const peer = new RawPeer(running.url(), {}, bytes);
      expect((await peer.closed).code).toBe(code);
    }
  });
});

describe("a message in fragments", () => {
  it("is read as one message, with pings in between, byte by byte", async () => {
    const peer = await connectRaw(running.url(mallory));
    const request = Buffer.from('{"id":1,"action":"robot.ping","data":"€"}');
    for (const [index, byte] of request.entries()) {
      const opcode = index === 0 ? text : continuation;
      peer.write(clientFrame({ opcode, payload: Buffer.from([byte]), fin: index === request.length - 1 }));
      if (index % 10 === 0) peer.write(clientFrame({ opcode: OPCODE.ping, payload: "p" }));
    }
    await peer.until(() => peer.frames.some(({ id }) => id === 1));
    expect(peer.frames.find(({ id }) => id === 1)).toEqual({ id: 1, data: "€" });
    expect(peer.received.filter(({ opcode }) => opcode === OPCODE.pong)).toHaveLength(5);
  });

  it("is read when every byte comes in its own write", async () => {
    const peer = await connectRaw(running.url(mallory));
    peer.socket.setNoDelay(true);
    for (const byte of textFrame({ id: 1, action: "robot.ping" })) peer.write(Buffer.from([byte]));
    await peer.until(() => peer.frames.some(({ id }) => id === 1));
  });

  it("that never ends closes the connection, be the fragments small or empty", async () => {
    for (const payload of ["", "x"]) {
      const peer = await connectRaw(running.url(mallory));
      const fragment = clientFrame({ opcode: continuation, payload, fin: false });
      const many = Buffer.concat(new Array(10_000).fill(fragment));
      peer.write(clientFrame({ payload: "x", fin: false }));
      for (let round = 0; round < 10; round++) peer.write(many);
      expect((await peer.closed).code).toBe(1008);
    }
  });

  it("is read up to 64 fragments, before and after the login, and ends the connection with the 65th", async () => {
    const fragments = (count: number): Buffer => {
      const request = '{"id":1,"action":"robot.ping"}'.padEnd(count);
      const frames = Array.from({ length: count }, (_, index) => {
        const payload = index < count - 1 ? (request[index] ?? "") : request.slice(index);
        return clientFrame({ opcode: index === 0 ? text : continuation, payload, fin: index === count - 1 });
      });
      return Buffer.concat(frames);
    };
    for (const query of [mallory, {}]) {
      const peer = new RawPeer(running.url(query), {}, fragments(64));
      await peer.until(() => peer.frames.some(({ id }) => id === 1));
      peer.write(fragments(65));
      const ended = peer.until(() => peer.frames.filter(({ id }) => id === 1).length === 2);
      await expect(ended).rejects.toThrow("closed with 1008");
    }
  });

  it("that stops in the middle delays no other client", async () => {
    const peer = await connectRaw(running.url(mallory));
    peer.write(clientFrame({ payload: "{", fin: false }), clientFrame({ claims: 500_000, payload: "x" }));
    const other = await connectPeer(running.url({ user_id: "other" }));
    await other.caughtUp();
  });
});

describe("a message in pieces", () => {
  it("that come one by one ends the connection when 1,024 of them wait for the rest", async () => {
    const { hub } = running;
    const server = createServer();
    hub.attach(server);
    server.listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const accepted = once(server, "connection");
    const { port } = server.address() as AddressInfo; // it listens on TCP
    const peer = await connectRaw(`ws://127.0.0.1:${port}/ws?user_id=mallory`);
    const [socket] = await accepted;
    peer.socket.setNoDelay(true);
    const frame = textFrame({ id: 1, action: "robot.ping", data: "x".repeat(2_000) });
    for (const byte of frame.subarray(0, 1_100)) {
      if (socket.listenerCount("data") === 0) break;
      const read = once(socket, "data");
      peer.write(Buffer.from([byte]));
      await read;
    }
    peer.write(frame.subarray(1_100));
    const answered = peer.until(() => peer.frames.some(({ id }) => id === 1));
    await expect(answered).rejects.toThrow("closed with 1008");
  });
});

describe("a client that has closed", () => {
  it("is not read any more", async () => {
    const other = await connectPeer(running.url({ user_id: "other" }));
    const peer = await connectRaw(running.url(mallory));
    const late = textFrame({ type: "n", to: "other", data: "late" });
    peer.write(
      textFrame({ type: "n", to: "other", data: "in time" }),
      clientFrame({ opcode: close, payload: Buffer.from([3, 0xe8]) }),
      late,
      clientFrame({ opcode: binary }),
      clientFrame({ masked: false }),
    );
    expect((await peer.closed).code).toBe(1000);
    await other.caughtUp();
    expect(other.messages.map(({ data }) => data)).toEqual(["in time"]);
  });

  it("or was kicked is not read either", async () => {
    const other = await connectPeer(running.url({ user_id: "other" }));
    const peer = await connectRaw(running.url(mallory));
    peer.answersClose = false;
    await running.hub.user("mallory").kick();
    peer.send(
      { type: "n", to: "other", data: "late" },
      { id: 1, action: "group.join", data: { group: "g" } },
    );
    expect((await peer.closed).code).toBe(4501);
    await other.caughtUp();
    expect(other.messages).toEqual([]);
    expect((await running.hub.group("g").members()).members).toEqual([]);
  });

  it("only in TCP is disconnected at once", async () => {
    const peer = await connectRaw(running.url(mallory));
    const gone = new Promise((resolve) => running.hub.on("disconnect", resolve));
    peer.socket.end();
    expect(await gone).toMatchObject({ cause: "lost", code: 1006 });
  });
});

describe("frames of the server", () => {
  it("are whole, unmasked texts with one JSON document each, even when written together", async () => {
    const peer = await connectRaw(running.url(mallory));
    const requests = Array.from({ length: 200 }, (_, id) =>
      textFrame({ id, action: "robot.ping", data: "x".repeat(id * 9) }),
    );
    const pings = clientFrame({ opcode: OPCODE.ping, payload: "between" });
    peer.write(...requests.flatMap((request, n) => (n % 5 === 0 ? [request, pings] : [request])));
    const sends = Array.from({ length: 200 }, (_, n) =>
      running.hub.user("mallory").send({ type: "n", data: n }),
    );
    await Promise.all(sends);
    await peer.until(() => peer.frames.filter(({ event }) => event !== "position").length >= 401);
    for (const { opcode, fin, compressed } of peer.received) {
      expect([text, OPCODE.pong]).toContain(opcode);
      expect(fin && !compressed).toBe(true);
    }
    expect(peer.frames.filter(({ type }) => type === "n").map(({ offset }) => offset)).toEqual(
      sends.map((_, n) => n + 1),
    );
  });
});

describe("a binary message", () => {
  it("reaches the application's hook when there is one", async () => {
    const seen = new Promise((resolve) => running.hub.on("binary", resolve));
    const peer = await connectRaw(running.url(mallory));
    peer.write(clientFrame({ opcode: binary, payload: Buffer.from([1, 2, 3]) }));
    expect(await seen).toMatchObject({ connection: { user: "mallory" }, bytes: Buffer.from([1, 2, 3]) });
  });

  it("harms no connection when the hook throws", async () => {
    running.hub.on("binary", () => {
      throw new Error("a bug");
    });
    const failed = new Promise((resolve) => running.hub.on("error", resolve));
    const peer = await connectRaw(running.url(mallory));
    peer.write(clientFrame({ opcode: binary }), textFrame({ id: 1, action: "robot.ping" }));
    expect(await failed).toMatchObject({ stage: "binary hook" });
    await peer.until(() => peer.frames.some(({ id }) => id === 1));
  });
});

describe("a connection that is reset", () => {
  it("in the middle of a frame is disconnected as lost", async () => {
    for (const bytes of [[0x81], [0x81, 0xfe, 0xff], [0x81, 0x85, 1, 2, 3, 4, 5], [0x01, 0x80, 0, 0, 0, 0]]) {
      const peer = await connectRaw(running.url(mallory));
      const gone = new Promise((resolve) => running.hub.on("disconnect", resolve));
      peer.write(Buffer.from(bytes));
      peer.socket.resetAndDestroy();
      await Promise.all([gone, once(peer.socket, "close")]);
    }
    expect((await running.hub.presence.count()).connections).toBe(0);
  });
});
