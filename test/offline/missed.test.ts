import { expect, it } from "vitest";
import type { Client } from "../../src/client/client.ts";
import { missedFrames } from "../../src/offline/host/missed.ts";

type Kept = { readonly offset: number; readonly deletedAt?: number };

/** A client that reads a history of these messages. `first` is the oldest offset of it, which may be one of a notice. */
function clientOf(messages: readonly Kept[], first = messages[0]?.offset ?? 0) {
  let reads = 0;
  const history = async ({ before = 0, limit = 0 }) => {
    reads++;
    const page = messages.filter(({ offset }) => offset < before).slice(-limit);
    return { epoch: "e", messages: page, more: (page[0]?.offset ?? first) > first };
  };
  return { client: { history } as unknown as Client, reads: () => reads };
}

/** Offsets of the messages, of the positions with `~`, and of the losses with `!`. */
async function framesOf(messages: readonly Kept[], offset: number, last: number, first?: number) {
  const { client, reads } = clientOf(messages, first);
  const frames = await missedFrames(client, "user:alice", { epoch: "e", offset }, last);
  const texts = (frames as { event?: string; offset: number; recovered?: boolean }[]).map((frame) =>
    frame.event ? `${frame.recovered ? "~" : "!"}${frame.offset}` : `${frame.offset}`,
  );
  return { text: texts.join(" "), reads: reads() };
}

const kept = (from: number, to: number): Kept[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ offset: from + index }));

it.each([
  ["messages without holes", [1, 2, 3, 4], 2, 4, "~2 3 4"],
  ["notices between messages", [1, 3, 6], 1, 7, "~1 ~2 3 ~4 ~5 6 ~7"],
  ["nothing but notices", [1, 2], 2, 4, "~2 ~3 ~4"],
  ["evicted messages before those that are kept", [5, 6], 2, 6, "~2 !4 5 6"],
  ["evicted messages and nothing else", [], 2, 9, "~2 !9"],
])("a tab that has missed %s gets them", async (_what, offsets, offset, last, text) => {
  const messages = offsets.map((each) => ({ offset: each }));
  expect((await framesOf(messages, offset, last)).text).toBe(text);
});

it("a deleted message is a position", async () => {
  const messages = [{ offset: 1 }, { offset: 2, deletedAt: 1 }, { offset: 3 }];
  expect((await framesOf(messages, 1, 3)).text).toBe("~1 ~2 3");
});

it("a page ends after 200 offsets", async () => {
  const { text } = await framesOf(kept(1, 500), 10, 500);
  expect(text.split(" ").at(-1)).toBe("210");
});

it("a long loss is found in few reads, and ends before what is kept", async () => {
  const { text, reads } = await framesOf(kept(100_000, 100_002), 10, 100_002);
  expect(text).toBe("~10 !99999 100000 100001 100002");
  expect(reads).toBeLessThan(10);
});
