import { expect, it, onTestFinished, vi } from "vitest";
import { processMemory } from "../../src/gateway/memory.ts";

it("the memory of the process is the last known one while no file handle is left to read it", () => {
  const { rss, heapUsed } = processMemory();
  expect(Math.min(rss, heapUsed)).toBeGreaterThan(1_000_000);
  const failing = vi.spyOn(process.memoryUsage, "rss").mockImplementation(() => {
    throw new Error("EMFILE: too many open files");
  });
  onTestFinished(() => failing.mockRestore());
  expect(processMemory()).toMatchObject({ rss, heapUsed: expect.any(Number) });
});
