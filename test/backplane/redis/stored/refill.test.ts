import { expect, test } from "vitest";
import type { StoredMessage } from "../../../../src/backplane/backplane.ts";
import { Receiver, type ReceiverParts } from "../../../../src/backplane/redis/stored/receiver.ts";
import { LINE } from "../../../../src/backplane/redis/wire/lines.ts";
import { type Channel, TidingsError } from "../../../../src/protocol/protocol.ts";
import { eventually } from "../../../support/eventually.ts";

const CHANNEL: Channel = "group:g";
const stored = (start: number): string =>
  `T\x1f${CHANNEL}\x1fe.1\x1f${start}\x1eid\x1fchat\x1f1\x1f1\x1f\x1e`;

test("a gap whose read fails is filled later, though no message follows", async () => {
  const handlers = new Map<string, (line: string) => number>();
  const delivered: number[] = [];
  const reported: string[] = [];
  let failures = 1;
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
    histories: {
      read: async () => {
        if (failures-- > 0) throw new TidingsError("unavailable", "not now");
        const messages = [2, 3].map((offset) => ({ channel: CHANNEL, epoch: "e.1", offset }));
        return { epoch: "e.1", first: 1, last: 3, messages };
      },
    },
    hasMembers: () => true,
    onDelivered: () => undefined,
    onUndelivered: () => undefined,
  };
  new Receiver(parts as unknown as ReceiverParts); // only what a gap needs
  for (const start of [0, 2]) {
    handlers.get(LINE.stored)?.(stored(start));
    handlers.get(LINE.lengths)?.(`S\x1f${start + 1}`);
  }
  await eventually("the gap is filled", () => delivered.length === 3);
  expect(delivered).toEqual([1, 2, 3]);
  expect(reported).toEqual(["history"]);
});
