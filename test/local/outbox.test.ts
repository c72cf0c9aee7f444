import fc from "fast-check";
import { expect, test } from "vitest";
import { type ByteStream, Outbox, type OutboxOwner } from "../../src/local/outbox.ts";
import { Batch } from "../../src/local/pending.ts";
import { Slab } from "../../src/local/slab.ts";
import { idleStream } from "./idle-sockets.ts";

function outboxOf(stream: ByteStream = idleStream()): Outbox {
  const owner: OutboxOwner = {
    limits: { messages: 10, bytes: 1_000, socketBytes: 1_000, policy: "drop", waitMs: 1_000 },
    slow: { dropped: 0, waited: 0, closed: 0, cut: 0 },
    slab: new Slab(),
    schedule: () => undefined,
    enqueuePosted: () => undefined,
    lag: () => undefined,
    hurry: () => undefined,
    changed: () => undefined,
  };
  return new Outbox(owner, stream, undefined);
}

test("a queue that has written early in a tick is drained", async () => {
  const outbox = outboxOf();
  outbox.enqueueAnyway(Buffer.from("frame"));
  outbox.begin();
  const drained = outbox.whenDrained().then(() => "drained");
  expect(await Promise.race([drained, Promise.resolve().then(() => Promise.resolve("waits"))])).toBe(
    "drained",
  );
});

test("a queue with frames of this tick is drained when they are written", async () => {
  const outbox = outboxOf();
  outbox.enqueueAnyway(Buffer.from("frame"));
  const steps: string[] = [];
  const drained = outbox.whenDrained().then(() => steps.push("drained"));
  await Promise.resolve();
  steps.push("flush");
  outbox.flush();
  await drained;
  expect(steps).toEqual(["flush", "drained"]);
});

/** A socket that notes what it takes, and is busy after so many bytes. */
function notingStream(busyFrom: number) {
  const taken: string[] = [];
  let bytes = 0;
  const stream = {
    ...idleStream(),
    write(frame: Uint8Array) {
      taken.push(String(Buffer.from(frame)));
      bytes += frame.length;
      return true;
    },
    get writableLength() {
      return bytes >= busyFrom ? 2_000 : 0;
    },
  };
  return { taken, stream };
}

test("a batch is queued as its frames one by one are, whatever is pending, and beyond the bounds", () => {
  const frames = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 12 });
  const steps = fc.array(fc.oneof(frames, fc.constant("flush" as const)), { maxLength: 8 });
  fc.assert(
    fc.property(steps, fc.constantFrom(0, 500, 1_500, Number.POSITIVE_INFINITY), (chosen, busyFrom) => {
      // Several connections with equal lists: the second and the third find what the first has made.
      const sockets = Array.from({ length: 4 }, () => notingStream(busyFrom));
      const [alone, ...together] = sockets.map(({ stream }) => outboxOf(stream));
      let made = 0;
      for (const step of chosen) {
        if (step === "flush") {
          for (const outbox of [alone, ...together]) outbox?.flush();
          continue;
        }
        const batch = new Batch(step.map((length) => Buffer.from(String(made++ % 10).repeat(length))));
        for (const frame of batch.frames) alone?.enqueue(frame);
        for (const outbox of together)
          if (!outbox.enqueueBatch(batch)) for (const frame of batch.frames) outbox.enqueue(frame);
      }
      const counts = [alone, ...together].map((outbox) => [outbox?.pendingMessages, outbox?.pendingBytes]);
      for (const outbox of [alone, ...together]) outbox?.finish();
      const [first, ...others] = sockets.map(({ taken }, index) => ({
        text: taken.join(""),
        counts: counts[index],
      }));
      for (const other of others) expect(other).toEqual(first);
    }),
  );
});

test("connections with equal lists get one list, which is joined once", () => {
  const sockets = Array.from({ length: 3 }, () => notingStream(Number.POSITIVE_INFINITY));
  const written: Uint8Array[] = [];
  const outboxes = sockets.map(({ stream }) =>
    outboxOf({ ...stream, write: (bytes) => written.push(bytes) > 0 }),
  );
  const batch = new Batch(["one", "two"].map((text) => Buffer.from(text)));
  for (const outbox of outboxes) expect(outbox.enqueueBatch(batch)).toBe(true);
  for (const outbox of outboxes) outbox.flush();
  expect(written.map(String)).toEqual(Array.from({ length: 3 }, () => String(Buffer.from("onetwo"))));
  expect(new Set(written).size).toBe(1);
});
