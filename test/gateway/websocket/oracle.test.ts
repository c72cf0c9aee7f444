import fc from "fast-check";
import { expect, it } from "vitest";
import * as ws from "ws";
import { clientFrame, type FrameShape, OPCODE } from "../../support/wire.ts";
import { LIMITS, type ReceiverEvent, Recorder } from "./recorder.ts";

interface WsReceiver {
  on(event: string, listener: (...args: never[]) => void): this;
  write(bytes: Uint8Array): boolean;
}

// The published types of ws lack its receiver.
const { Receiver: WsReceiver } = ws as unknown as { Receiver: new (options: object) => WsReceiver };

/** What the receiver of `ws` tells of a stream. */
async function toldByWs(bytes: Uint8Array): Promise<ReceiverEvent[]> {
  const events: ReceiverEvent[] = [];
  const limits = {
    maxPayload: LIMITS.bytes,
    maxFragments: LIMITS.fragments,
    maxBufferedChunks: LIMITS.pieces,
  };
  const receiver = new WsReceiver({ isServer: true, ...limits })
    .on("message", (data: Buffer, isBinary: boolean) =>
      events.push(isBinary ? ["binary", data.toString("hex")] : ["text", data.toString()]),
    )
    .on("ping", (data: Buffer) => events.push(["ping", data.toString("hex")]))
    .on("conclude", (code: number, reason: Buffer) => events.push(["close", code, reason.toString()]))
    .on("error", (error: Error & { code: string }) => events.push(["failed", codeOf(error), error.message]));
  receiver.write(Buffer.from(bytes));
  await new Promise((resolve) => setImmediate(resolve));
  return events;
}

const codeOf = ({ code }: { readonly code: string }): number =>
  ({
    WS_ERR_INVALID_UTF8: 1007,
    WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
    WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
    WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
  })[code] ?? 1002;

const mostly = <T>(usual: T, others: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 30, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: others });

const payload = fc.oneof(
  fc.string({ maxLength: 130 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.uint8Array({ maxLength: 130 }),
  fc.constantFrom(125, 126, 127, 65_535, 65_536, LIMITS.bytes).map((length) => "y".repeat(length)),
  fc.integer({ min: 990, max: 5_000 }).map((code) => Uint8Array.of(code >> 8, code & 0xff, 0x61)),
);

const frame: fc.Arbitrary<FrameShape> = fc.record({
  opcode: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom<number>(OPCODE.text, OPCODE.binary, OPCODE.continuation) },
    { weight: 4, arbitrary: fc.constantFrom<number>(OPCODE.ping, OPCODE.pong) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 15 }) },
  ),
  fin: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  reserved: mostly(0, fc.integer({ min: 0, max: 7 })),
  masked: mostly(true, fc.constant(false)),
  payload,
});

/** Cuts bytes where the fractions say. */
function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((fraction) => Math.floor(fraction * bytes.length)), bytes.length].sort(
    (a, b) => a - b,
  );
  return ends
    .map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
    .filter(({ length }) => length > 0);
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

it("any frames tell the same as with `ws`, whatever reads bring them", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 8 }), cuts, async (frames, at) => {
      const bytes = Buffer.concat(frames.map(clientFrame));
      expect(await new Recorder().push(...cut(bytes, at))).toEqual(await toldByWs(bytes));
    }),
    { numRuns: 2_000 },
  );
});

it("any bytes do too", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), cuts, async (random, at) => {
      const bytes = Buffer.from(random);
      expect(await new Recorder().push(...cut(bytes, at))).toEqual(await toldByWs(bytes));
    }),
    { numRuns: 2_000 },
  );
});
