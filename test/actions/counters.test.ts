import { expect, test } from "vitest";
import { KeyedCounters } from "../../src/actions/limits/counters.ts";
import { parseRate } from "../../src/limit/limit.ts";

const counters = (rate: string, maxKeys?: number): KeyedCounters =>
  new KeyedCounters({ rate: parseRate(rate) }, maxKeys);

test("each key has its own window", () => {
  const limit = counters("2-S");
  expect([limit.take("a", 0), limit.take("a", 10), limit.take("a", 20), limit.take("b", 20)]).toEqual([
    0, 0, 980, 0,
  ]);
  expect(limit.take("a", 1_000)).toBe(0);
});

test("100,000 keys within a window are counted, and more do not take more memory", () => {
  const limit = counters("1-M");
  for (let n = 0; n < 300_000; n++) {
    limit.take(`k${n}`, n / 10);
    if (n === 99_999) expect(limit.size).toBe(100_000);
    if (limit.size > 100_000) expect.fail("it remembers more than 100,000 keys");
  }
  // Of those that are remembered nobody begins again.
  expect(limit.take("k299999", 30_000)).toBeGreaterThan(0);
  expect(limit.take("k250000", 30_000)).toBeGreaterThan(0);
});

test("keys whose window is over are forgotten, and those in use are not", () => {
  const limit = counters("1-S");
  const kept = limit.of("kept", 0);
  for (let n = 0; n < 100_000; n++) {
    const now = n / 10;
    limit.take(`k${n}`, now);
    if (kept.isForgotten) expect.fail("a key in use is forgotten");
    kept.takenAt = now;
    kept.take(now);
  }
  expect(limit.size).toBeLessThan(25_000);
});

test("who holds a counter learns that its key was forgotten", () => {
  const limit = counters("1-H", 8);
  const first = limit.of("first", 0);
  for (let n = 0; n < 8; n++) limit.take(`k${n}`, n);
  expect(first.isForgotten).toBe(true);
  expect(limit.of("first", 9)).not.toBe(first);
});
