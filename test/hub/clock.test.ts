import { expect, test } from "vitest";
import { Clock } from "../../src/publish/clock.ts";

/** Blocks the event loop until the time has moved. */
function pass(since: number): void {
  while (performance.now() <= since);
}

test("a clock stands still within one run of code, and moves on after it", async () => {
  const clock = new Clock();
  const first = clock.now();
  expect(first).toBeLessThanOrEqual(performance.now());
  pass(first);
  expect(clock.now()).toBe(first);

  await Promise.resolve();
  const second = clock.now();
  expect(second).toBeGreaterThan(first);
  pass(second);
  expect(clock.now()).toBe(second);
});
