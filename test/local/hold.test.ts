import { expect, test } from "vitest";
import { HeldBytes, Hold, type HoldLimits } from "../../src/local/hold.ts";
import { Packet } from "../../src/local/local.ts";

const limits = (given: Partial<HoldLimits> = {}): HoldLimits => ({
  messages: 100,
  bytes: 1_000_000,
  node: new HeldBytes(1_000_000),
  ...given,
});

/** Adds messages of 100 bytes and a frame header. */
function add(hold: Hold, ...offsets: readonly number[]): void {
  for (const offset of offsets) hold.add({ offset, packet: new Packet(() => "x".repeat(100)) });
}

const offsetsOf = (hold: Hold): number[] => hold.held.map(({ offset }) => offset);

test.each([
  ["messages", limits({ messages: 2 })],
  ["bytes", limits({ bytes: 250 })],
  ["bytes of the node", limits({ node: new HeldBytes(250) })],
])("a hold beyond its %s drops the oldest, and the replay reads on", (_, given) => {
  const hold = new Hold(given);
  add(hold, 5, 6, 7);
  expect(offsetsOf(hold)).toEqual([6, 7]);
  expect(hold.after(4)).toBeUndefined();
  expect(hold.after(5)).toHaveLength(2);
  expect(hold.first).toBe(5);
});

test("a message that is larger than the budget is a gap, at which the replay reads on", () => {
  const hold = new Hold(limits({ bytes: 50 }));
  add(hold, 5);
  expect(offsetsOf(hold)).toEqual([]);
  expect(hold.after(4)).toBeUndefined();
  expect(hold.after(5)).toEqual([]);
});

test("holds of all connections share the node's budget, and give back what they held", () => {
  const node = new HeldBytes(450);
  const [one, other] = [new Hold(limits({ node })), new Hold(limits({ node }))];
  add(one, 1, 2, 3);
  add(other, 1, 2);
  expect([offsetsOf(one), offsetsOf(other)]).toEqual([[1, 2, 3], [2]]);
  expect(node.total).toBe(408);
  one.clear();
  other.clear();
  expect(node.total).toBe(0);
});

test("a cleared hold forgets the gap: the history that had it is lost", () => {
  const hold = new Hold(limits({ messages: 1 }));
  add(hold, 5, 6);
  hold.clear();
  add(hold, 1);
  expect(hold.after(0)).toHaveLength(1);
});
