import { expect, test } from "vitest";
import { type ByteStream, Outbox, type OutboxOwner } from "../../src/local/outbox.ts";
import { Slab } from "../../src/local/slab.ts";

/** A socket that takes everything at once. */
const IDLE_STREAM: ByteStream = {
  write: () => true,
  cork: () => undefined,
  uncork: () => undefined,
  ...{ writableLength: 0, bytesRead: 0, readableLength: 0 },
};

function outboxOf(): Outbox {
  const owner: OutboxOwner = {
    limits: { messages: 10, bytes: 1_000, socketBytes: 1_000, policy: "drop", waitMs: 1_000 },
    slow: { dropped: 0, waited: 0, closed: 0, cut: 0 },
    slab: new Slab(),
    schedule: () => undefined,
    enqueuePosted: () => undefined,
    lag: () => undefined,
    changed: () => undefined,
  };
  return new Outbox(owner, IDLE_STREAM);
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
