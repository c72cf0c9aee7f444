import { setImmediate as nextTick } from "node:timers/promises";
import { expect, test } from "vitest";
import type { HistoryPage, StoredMessage } from "../../../../src/backplane/backplane.ts";
import { Receiver, type ReceiverParts } from "../../../../src/backplane/redis/stored/receiver.ts";
import { LINE } from "../../../../src/backplane/redis/wire/lines.ts";
import { type Channel, TidingsError } from "../../../../src/protocol/protocol.ts";
import { eventually } from "../../../support/eventually.ts";

const CHANNEL: Channel = "group:g";
const STORED = `T\x1f${CHANNEL}\x1fe.1\x1f0\x1eid\x1fchat\x1f1\x1f1\x1f\x1e`;

const pageOf = (...offsets: number[]): HistoryPage => ({
  epoch: "e.1",
  first: 1,
  last: offsets.at(-1) ?? 0,
  messages: offsets.map((offset) => ({ channel: CHANNEL, epoch: "e.1", offset }) as StoredMessage), // only its place counts
});

/** A receiver with all that a gap needs. `arrive` brings the message with an offset. */
function receiverOn(read: (after: number) => Promise<HistoryPage>) {
  const handlers = new Map<string, (line: string) => number>();
  const delivered: number[] = [];
  const reported: string[] = [];
  const parts = {
    connection: { isStopped: false, isUp: true, isNews: () => true },
    bus: {
      onLine: (kind: string, handler: (line: string) => number) => handlers.set(kind, handler),
      on: () => undefined,
    },
    node: {
      sink: { deliver: ({ offset }: StoredMessage) => delivered.push(offset) },
      report: (stage: string) => reported.push(stage),
    },
    histories: { read: (_: Channel, { after }: { after: number }) => read(after) },
    hears: () => true,
    onDelivered: () => undefined,
    onUndelivered: () => undefined,
  };
  new Receiver(parts as unknown as ReceiverParts); // only what a gap needs
  const arrive = (offset: number): void => {
    handlers.get(LINE.stored)?.(STORED);
    handlers.get(LINE.lengths)?.(`S\x1f${offset}`);
  };
  return { delivered, reported, arrive };
}

test("a gap whose read fails is filled later, though no message follows", async () => {
  let failures = 1;
  const { delivered, reported, arrive } = receiverOn(async () => {
    if (failures-- > 0) throw new TidingsError("unavailable", "not now");
    return pageOf(2, 3);
  });

  arrive(1);
  arrive(3);
  await eventually("the gap is filled", () => delivered.length === 3);

  expect(delivered).toEqual([1, 2, 3]);
  expect(reported).toEqual(["history"]);
});

// A reply of Redis ends the read, and another one in the same tick tells of more messages.
test.each([0, 1, 2, 3, 4, 5, 6])(
  "a gap that opens %i microtasks after the end of another one is filled, and the channel goes on",
  async (microtasks) => {
    const firstRead = Promise.withResolvers<HistoryPage>();
    const reads = [firstRead.promise, Promise.resolve(pageOf(4, 5))];
    const { delivered, arrive } = receiverOn(() => reads.shift() ?? expect.fail("a third read"));

    arrive(1);
    arrive(3);
    firstRead.resolve(pageOf(2, 3));
    for (let passed = 0; passed < microtasks; passed++) await null;
    arrive(5);
    await eventually("the second gap is filled", () => delivered.includes(5));
    await nextTick();
    arrive(6);

    expect(delivered).toEqual([1, 2, 3, 4, 5, 6]);
  },
);
