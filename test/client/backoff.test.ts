import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "../../src/client/connection/backoff.ts";

const LIMITS = { minMs: 1_000, maxMs: 30_000 };
const atMost = (delays: number): number => backoffMs(delays, LIMITS, () => 1);

test("the bound starts at 1 s, doubles, and stays at 30 s", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 5_000].map(atMost)).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ]);
});

test("the jitter is full: any delay from 0 to the bound", () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (delays, random) => {
      expect(backoffMs(delays, LIMITS, () => random)).toBe(random * atMost(delays));
    }),
  );
});
