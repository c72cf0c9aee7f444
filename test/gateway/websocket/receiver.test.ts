import { describe, expect, it } from "vitest";
import { clientFrame, OPCODE } from "../../support/wire.ts";
import { LIMITS, Recorder } from "./recorder.ts";

const { continuation, text, binary, close, ping, pong } = OPCODE;

const closePayload = (code: number, reason = ""): Buffer =>
  Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);

/** One frame of each form, and a message in fragments with control frames between them. */
const STREAM = Buffer.concat([
  clientFrame({ payload: "short" }),
  clientFrame({ payload: "" }),
  clientFrame({ opcode: binary, payload: Buffer.from([0, 255, 127]) }),
  clientFrame({ payload: "€ in two reads 🙂" }),
  clientFrame({ fin: false, payload: "be" }),
  clientFrame({ opcode: ping, payload: "p" }),
  clientFrame({ opcode: continuation, fin: false }),
  clientFrame({ opcode: pong, payload: "q" }),
  clientFrame({ opcode: continuation, payload: "gun" }),
  clientFrame({ payload: "x".repeat(126) }),
  clientFrame({ opcode: close, payload: closePayload(4_000, "bye €") }),
]);

const EVENTS = [
  ["text", "short"],
  ["text", ""],
  ["binary", "00ff7f"],
  ["text", "€ in two reads 🙂"],
  ["ping", "70"],
  ["text", "begun"],
  ["text", "x".repeat(126)],
  ["close", 4_000, "bye €"],
];

describe("a stream of frames", () => {
  it("tells its messages, whatever reads bring it", async () => {
    expect(await new Recorder().push(STREAM)).toEqual(EVENTS);
    for (let first = 0; first <= STREAM.length; first++) {
      for (const second of [first + 1, first + 7, STREAM.length]) {
        const parts = [STREAM.subarray(0, first), STREAM.subarray(first, second), STREAM.subarray(second)];
        expect(await new Recorder().push(...parts.filter(({ length }) => length > 0))).toEqual(EVENTS);
      }
    }
  });

  it("tells them when each byte comes alone", async () => {
    const bytes = Array.from(STREAM, (byte) => Buffer.from([byte]));
    expect(await new Recorder().push(...bytes)).toEqual(EVENTS);
  });

  it("is unmasked at any position of its memory, and at any length", async () => {
    for (const length of [0, 1, 3, 4, 5, 95, 96, 97, 98, 99, 100, 125, 126, 1_000, 65_535, 65_536]) {
      const payload = "0123456789".repeat(7_000).slice(0, length);
      for (let position = 0; position < 8; position++) {
        const { receiver, events } = new Recorder();
        const frame = clientFrame({ payload });
        const memory = new ArrayBuffer(frame.length + position);
        const chunk = Buffer.from(memory, position);
        frame.copy(chunk);
        receiver.push(chunk);
        expect(events).toEqual([["text", payload]]);
      }
    }
  });

  it("is not read behind a close frame, or behind a failure", async () => {
    const late = clientFrame({ payload: "late" });
    for (const last of [clientFrame({ opcode: close }), clientFrame({ masked: false })]) {
      const recorder = new Recorder();
      await recorder.push(Buffer.concat([last, late]), late);
      expect(recorder.events).toHaveLength(1);
    }
  });

  it("tells U+FFFD as a character, and a byte order mark too", async () => {
    expect(await new Recorder().push(clientFrame({ payload: "\ufffd \ufeff" }))).toEqual([
      ["text", "\ufffd \ufeff"],
    ]);
  });
});

describe("a receiver", () => {
  const isUnfinishedAfter = async (...chunks: Uint8Array[]): Promise<boolean> => {
    const recorder = new Recorder();
    await recorder.push(...chunks);
    return recorder.receiver.isUnfinished;
  };

  it("tells that a message has begun and not ended", async () => {
    const frame = clientFrame({ payload: "x".repeat(200) });
    for (let length = 1; length < frame.length; length++) {
      expect(await isUnfinishedAfter(frame.subarray(0, length))).toBe(true);
    }
    expect(await isUnfinishedAfter(frame)).toBe(false);
    expect(await isUnfinishedAfter(clientFrame({ fin: false }))).toBe(true);
    expect(await isUnfinishedAfter(clientFrame({ fin: false }), clientFrame({ opcode: ping }))).toBe(true);
    expect(await isUnfinishedAfter(clientFrame({ fin: false }), clientFrame({ opcode: continuation }))).toBe(
      false,
    );
  });

  it("does not copy a frame that one read has brought", () => {
    const recorder = new Recorder();
    let seen: Buffer | undefined;
    recorder.binary = (bytes) => {
      seen = bytes;
    };
    const chunk = clientFrame({ opcode: binary, payload: Buffer.alloc(500) });
    recorder.receiver.push(chunk);
    expect(seen?.buffer).toBe(chunk.buffer);
  });
});

describe("a frame that breaks a rule", () => {
  it.each<[rule: string, code: number, reason: string, frames: Buffer[]]>([
    ["a mask", 1002, "MASK must be set", [clientFrame({ masked: false })]],
    ["RSV1", 1002, "RSV1 must be clear", [clientFrame({ reserved: 4 })]],
    ["RSV2", 1002, "RSV2 and RSV3 must be clear", [clientFrame({ reserved: 2 })]],
    ["RSV3", 1002, "RSV2 and RSV3 must be clear", [clientFrame({ reserved: 1 })]],
    ["opcode 3", 1002, "invalid opcode 3", [clientFrame({ opcode: 3 })]],
    ["opcode 15", 1002, "invalid opcode 15", [clientFrame({ opcode: 15 })]],
    ["a message", 1002, "invalid opcode 0", [clientFrame({ opcode: continuation })]],
    ["one message", 1002, "invalid opcode 1", [clientFrame({ fin: false }), clientFrame({})]],
    ["a whole ping", 1002, "FIN must be set", [clientFrame({ opcode: ping, fin: false })]],
    [
      "a short pong",
      1002,
      "invalid payload length 126",
      [clientFrame({ opcode: pong, payload: Buffer.alloc(126) })],
    ],
    [
      "a close code",
      1002,
      "invalid payload length 1",
      [clientFrame({ opcode: close, payload: Buffer.alloc(1) })],
    ],
    ["UTF-8", 1007, "invalid UTF-8 sequence", [clientFrame({ payload: Buffer.from([0xc3, 0x28]) })]],
    [
      "UTF-8 in a reason",
      1007,
      "invalid UTF-8 sequence",
      [clientFrame({ opcode: close, payload: Buffer.from([3, 232, 0xff]) })],
    ],
  ])("that demands %s fails with %i", async (_rule, code, reason, frames) => {
    const failure = ["failed", code, `Invalid WebSocket frame: ${reason}`];
    expect(await new Recorder().push(Buffer.concat(frames))).toEqual([failure]);
    expect(
      await new Recorder().push(...Array.from(Buffer.concat(frames), (byte) => Buffer.from([byte]))),
    ).toEqual([failure]);
  });

  it("fails as soon as its header has come", async () => {
    const first = clientFrame({ opcode: 3, payload: "x" }).subarray(0, 2);
    expect(await new Recorder().push(first)).toHaveLength(1);
    const long = clientFrame({ claims: LIMITS.bytes + 1 }).subarray(0, 10);
    expect(await new Recorder().push(long)).toEqual([["failed", 1009, "Max payload size exceeded"]]);
  });

  it("fails for each close code that no frame may have, and for no other", async () => {
    const allowed = async (code: number): Promise<boolean> => {
      const [event] = await new Recorder().push(clientFrame({ opcode: close, payload: closePayload(code) }));
      return event?.[0] === "close";
    };
    for (const code of [1000, 1003, 1007, 1014, 3000, 4999]) expect(await allowed(code)).toBe(true);
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535])
      expect(await allowed(code)).toBe(false);
  });
});

describe("a limit", () => {
  const TOO_LARGE = ["failed", 1009, "Max payload size exceeded"];

  it("of bytes counts the payload of a message: one byte more fails", async () => {
    const most = "x".repeat(LIMITS.bytes);
    expect(await new Recorder().push(clientFrame({ payload: most }))).toEqual([["text", most]]);
    expect(await new Recorder().push(clientFrame({ payload: `${most}x` }))).toEqual([TOO_LARGE]);
    const fragments = [
      clientFrame({ fin: false, payload: most }),
      clientFrame({ opcode: ping, payload: "x" }),
      clientFrame({ opcode: continuation }),
    ];
    expect((await new Recorder().push(...fragments)).at(-1)).toEqual(["text", most]);
    const last = clientFrame({ opcode: continuation, payload: "x" });
    expect((await new Recorder().push(...fragments.slice(0, 2), last)).at(-1)).toEqual(TOO_LARGE);
  });

  it.each([2n ** 32n, 2n ** 53n - 1n])("refuses a length of %i", async (claims) => {
    expect(await new Recorder().push(clientFrame({ claims }))).toEqual([TOO_LARGE]);
  });

  it.each([2n ** 53n, 2n ** 63n, 2n ** 64n - 1n])(
    "refuses a length that is no exact number: %i",
    async (claims) => {
      const [event] = await new Recorder().push(clientFrame({ claims }));
      expect(event).toEqual(["failed", 1009, "Unsupported WebSocket frame: payload length > 2^53 - 1"]);
    },
  );

  it("of fragments counts those without bytes too", async () => {
    const message = (count: number): Buffer[] =>
      Array.from({ length: count }, (_, n) =>
        clientFrame({ opcode: n === 0 ? text : continuation, fin: n === count - 1 }),
      );
    expect(await new Recorder().push(...message(64), ...message(64))).toEqual([
      ["text", ""],
      ["text", ""],
    ]);
    expect(await new Recorder().push(...message(65))).toEqual([
      ["failed", 1008, "Too many message fragments"],
    ]);
  });

  it("of pieces counts the reads of one frame", async () => {
    const frame = clientFrame({ payload: "x".repeat(2_000) });
    const single = Array.from(frame, (byte) => Buffer.from([byte]));
    expect(await new Recorder().push(...single)).toEqual([["failed", 1008, "Too many buffered chunks"]]);
    const recorder = new Recorder();
    await recorder.push(frame.subarray(0, 8), ...single.slice(8, 8 + 1_023));
    expect(recorder.events).toEqual([]);
    await recorder.push(...single.slice(8 + 1_023, 8 + 1_024));
    expect(recorder.events).toHaveLength(1);
    const pairs = Array.from({ length: frame.length / 2 }, (_, n) => frame.subarray(2 * n, 2 * n + 2));
    expect(await new Recorder().push(...pairs)).toEqual([["text", "x".repeat(2_000)]]);
  });
});
