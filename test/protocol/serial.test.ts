import { describe, expect, it } from "vitest";
import { Serial } from "../../src/protocol/protocol.ts";

describe("a serial", () => {
  it("starts a task when the one before it has ended", async () => {
    const serial = new Serial();
    const log: string[] = [];
    const first = Promise.withResolvers<void>();
    const one = serial.run(async () => {
      log.push("one starts");
      await first.promise;
      log.push("one ends");
    });
    const two = serial.run(async () => void log.push("two"));
    await Promise.resolve();
    expect(log).toEqual(["one starts"]);
    first.resolve();
    await Promise.all([one, two]);
    expect(log).toEqual(["one starts", "one ends", "two"]);
  });

  it("returns the result of each task, and its error to its own caller only", async () => {
    const serial = new Serial();
    const failing = serial.run(() => Promise.reject(new Error("one")));
    const following = serial.run(async () => 2);
    await expect(failing).rejects.toThrow("one");
    expect(await following).toBe(2);
  });
});
