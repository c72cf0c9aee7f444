import { expect, test } from "vitest";
import { backoff } from "../../src/protocol/protocol.ts";

test("the delay starts with the first, doubles, and stays at the cap", () => {
  const delays = [0, 1, 2, 3, 4, 5, 6, 5_000].map((each) => backoff(each, { minMs: 50, maxMs: 2_000 }));
  expect(delays).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
});

test("without a cap the delay goes on doubling", () => {
  expect(backoff(20, { minMs: 1 })).toBe(2 ** 20);
});
