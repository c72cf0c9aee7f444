import { constants, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientFrame, OPCODE } from "../../support/wire.ts";
import { LIMITS, type ReceiverEvent, Recorder } from "./recorder.ts";

const { continuation, binary, ping } = OPCODE;

const TAIL_BYTES = 4;
const deflated = (payload: string | Uint8Array): Buffer =>
  deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -TAIL_BYTES);

const message = (payload: Uint8Array, opcode: number = OPCODE.text): Buffer =>
  clientFrame({ opcode, reserved: 4, payload });

const told = (...chunks: Uint8Array[]): Promise<ReceiverEvent[]> =>
  new Recorder({ deflate: true }).push(...chunks);

describe("a compressed message", () => {
  it.each<[form: string, payload: Buffer, text: string]>([
    ["one block (RFC 7692, 7.2.3.1)", hex("f248cdc9c90700"), "Hello"],
    ["a block without compression (7.2.3.3)", hex("000500faff48656c6c6f00"), "Hello"],
    ["a final block (7.2.3.4)", hex("f348cdc9c9070000"), "Hello"],
    ["a final block alone", hex("f348cdc9c90700"), "Hello"],
    ["two blocks (7.2.3.5)", hex("f24805000000ffffcac9c90700"), "Hello"],
    ["two final blocks", hex("f348cdc9c90700f348cdc9c9070000"), "HelloHello"],
    ["nothing but an empty block (7.2.3.6)", hex("00"), ""],
    ["no bytes", hex(""), ""],
  ])("is read in the form of %s", async (_form, payload, text) => {
    expect(await told(message(payload))).toEqual([["text", text]]);
  });

  it("may refer to what is before a final block", async () => {
    const text = "twice as long";
    const again = deflateRawSync(text, { dictionary: Buffer.from(text) });
    expect(again.length).toBeLessThan(text.length);
    const payload = Buffer.concat([deflateRawSync(text), again]);
    expect(await told(message(payload))).toEqual([["text", text + text]]);
  });

  it("is read in fragments, of which the first alone says that it is compressed", async () => {
    const payload = deflated("in three fragments");
    const frames = [
      clientFrame({ reserved: 4, fin: false, payload: payload.subarray(0, 3) }),
      clientFrame({ opcode: ping, payload: "p" }),
      clientFrame({ opcode: continuation, fin: false, payload: payload.subarray(3, 9) }),
      clientFrame({ opcode: continuation, payload: payload.subarray(9) }),
    ];
    const events = [
      ["ping", "70"],
      ["text", "in three fragments"],
    ];
    expect(await told(...frames)).toEqual(events);
    const again = clientFrame({ opcode: continuation, reserved: 4 });
    expect((await told(...frames.slice(0, 3), again)).at(-1)?.[1]).toBe(1002);
  });

  it("keeps its place among others, also when what follows comes in other reads", async () => {
    const bytes = Buffer.concat([
      clientFrame({ payload: "1" }),
      message(deflated("2")),
      clientFrame({ payload: "3" }),
      message(deflated("4"), binary),
      message(deflated("5")),
      clientFrame({ payload: "6" }),
    ]);
    const events = [
      ["text", "1"],
      ["text", "2"],
      ["text", "3"],
      ["binary", "34"],
      ["text", "5"],
      ["text", "6"],
    ];
    expect(await told(bytes)).toEqual(events);
    for (let at = 1; at < bytes.length; at++) {
      expect(await told(bytes.subarray(0, at), bytes.subarray(at))).toEqual(events);
    }
  });

  it("of any content is told as it was", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (content) => {
        const bytes = Buffer.from(content);
        expect(await told(message(deflated(bytes), binary))).toEqual([["binary", bytes.toString("hex")]]);
      }),
      { numRuns: 200 },
    );
  });

  it("is unfinished while it is inflated", async () => {
    const { receiver } = new Recorder({ deflate: true });
    receiver.push(message(deflated("x")));
    expect([receiver.isInflating, receiver.isUnfinished]).toEqual([true, true]);
  });

  it("without agreement fails with 1002", async () => {
    expect(await new Recorder().push(message(deflated("x")))).toEqual([
      ["failed", 1002, "Invalid WebSocket frame: RSV1 must be clear"],
    ]);
  });
});

describe("a compressed message that fails", () => {
  it("is larger than the limit: inflation stops there", async () => {
    const most = "x".repeat(LIMITS.bytes);
    expect(await told(message(deflated(most)))).toEqual([["text", most]]);
    const failure = [["failed", 1009, "Max payload size exceeded"]];
    expect(await told(message(deflated(`${most}x`)))).toEqual(failure);
    const bomb = deflateRawSync(Buffer.alloc(60_000_000));
    expect(bomb.length).toBeLessThan(LIMITS.bytes);
    expect(await told(message(bomb))).toEqual(failure);
  });

  it("is larger by a second final block", async () => {
    const most = deflateRawSync(Buffer.alloc(LIMITS.bytes));
    const events = await told(message(Buffer.concat([most, deflateRawSync("x")]), binary));
    expect(events).toEqual([["failed", 1009, "Max payload size exceeded"]]);
  });

  it("is no deflate data, or no UTF-8, or ends more often than a message may", async () => {
    const final = hex("0300");
    const messages = [Buffer.alloc(100, 0xff), deflated(Buffer.from([0xff])), Buffer.alloc(400, final)];
    for (const payload of messages) expect((await told(message(payload)))[0]?.[1]).toBe(1007);
  });

  it("leaves nothing behind it to be read", async () => {
    const bytes = Buffer.concat([message(Buffer.alloc(100, 0xff)), clientFrame({ payload: "late" })]);
    expect(await told(bytes)).toHaveLength(1);
  });
});

it("a hundred messages at once are all inflated", async () => {
  const texts = Array.from({ length: 100 }, (_, n) => `text ${n}`.repeat(100));
  const all = await Promise.all(texts.map((text) => told(message(deflated(text)))));
  expect(all).toEqual(texts.map((text) => [["text", text]]));
});

function hex(digits: string): Buffer {
  return Buffer.from(digits, "hex");
}
