import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Arrivals } from "../../src/loadtest/measure/arrivals.ts";
import { Intervals } from "../../src/loadtest/measure/intervals.ts";
import { readMarker, writeMarker } from "../../src/loadtest/measure/marker.ts";

/** What came of `sent` numbers, counted in the simplest way. */
function countPlainly(came: readonly number[], sent: number, excused: ReadonlySet<number>) {
  const seen = new Set<number>();
  let [highest, late, duplicates] = [-1, 0, 0];
  for (const number of came) {
    if (seen.has(number)) duplicates++;
    else if (number < highest) late++;
    seen.add(number);
    highest = Math.max(highest, number);
  }
  const all = Array.from({ length: sent }, (_, number) => number);
  return { late, duplicates, lost: all.filter((number) => !seen.has(number) && !excused.has(number)).length };
}

describe("the arrivals of a stream", () => {
  it("count loss, duplicates and order exactly, whatever comes", () => {
    const number = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(fc.array(number), fc.uniqueArray(number), (came, refused) => {
        const sent = 41;
        const excused = new Intervals();
        for (const each of refused) excused.add(each, each);
        const arrivals = new Arrivals();
        const kinds = came.map((each) => arrivals.take(each));
        expect({
          late: kinds.filter((kind) => kind === "late").length,
          duplicates: kinds.filter((kind) => kind === "duplicate").length,
          lost: arrivals.lost({ stream: 0, next: sent, excused: excused.encode(), forgotten: 0 }),
        }).toEqual(countPlainly(came, sent, new Set(refused)));
      }),
    );
  });

  it("count a loss at the end, and none of what was not sent", () => {
    const arrivals = new Arrivals();
    expect(arrivals.lost({ stream: 0, next: 0, excused: [], forgotten: 0 })).toBe(0);
    arrivals.take(0);
    expect(arrivals.lost({ stream: 0, next: 10, excused: [[8, 9]], forgotten: 0 })).toBe(7);
  });

  it("stay small, and exact in their sums, with more holes than they can name", () => {
    const arrivals = new Arrivals();
    for (let number = 0; number < 10_000; number += 2) arrivals.take(number);
    expect(arrivals.lost({ stream: 0, next: 10_000, excused: [], forgotten: 0 })).toBe(5_000);
  });

  it.each([{ lost: [] }, { lost: [2_000] }, { lost: [9_000] }, { lost: [500, 2_000, 9_000] }])(
    "take refused messages for no loss, however many they are, and see $lost beside them",
    ({ lost }: { lost: number[] }) => {
      const arrivals = new Arrivals();
      const excused = new Intervals();
      for (let number = 0; number < 10_000; number++) {
        if (number % 2 === 1) excused.add(number, number);
        else if (!lost.includes(number)) arrivals.take(number);
      }
      const { forgotten } = excused;
      expect(forgotten).toBe(4_000);
      const sent = { stream: 0, next: 10_000, excused: excused.encode(), forgotten };
      expect(arrivals.lost(sent)).toBe(lost.length);
    },
  );
});

describe("the marker of a message", () => {
  it("is found in any text, and only that of its own run", () => {
    const marker = { stream: 12, number: 0, plannedUs: 1_000_000, sentUs: 1_000_123 };
    const text = writeMarker("tbab12:", marker, 128);
    expect(text).toHaveLength(128);
    expect(readMarker("tbab12:", `{"say":"${text}"}`)).toEqual(marker);
    expect(readMarker("tbffff:", text)).toBeUndefined();
    for (const broken of ["tbab12:", "tbab12:1:2:3", "tbab12:1:2:3;", "tbab12:a:b:c:d;", ""])
      expect(readMarker("tbab12:", broken)).toBeUndefined();
  });
});
