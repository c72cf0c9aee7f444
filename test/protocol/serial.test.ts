import { describe, expect, it } from "vitest";
import { Serial, SerialPerKey } from "../../src/protocol/protocol.ts";

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

describe("a serial per key", () => {
  it("orders the tasks of a key, and lets other keys run", async () => {
    const serials = new SerialPerKey<string>();
    const log: string[] = [];
    const first = Promise.withResolvers<void>();
    const one = serials.run("a", async () => {
      await first.promise;
      log.push("a1");
    });
    const two = serials.run("a", async () => void log.push("a2"));
    await serials.run("b", async () => void log.push("b1"));
    first.resolve();
    await Promise.all([one, two]);
    expect(log).toEqual(["b1", "a1", "a2"]);
  });

  it("is busy with a key until its last task has ended, also by an error", async () => {
    const serials = new SerialPerKey<string>();
    const failing = serials.run("a", () => Promise.reject(new Error("one")));
    const following = serials.run("a", async () => 2);
    expect([serials.isBusy("a"), serials.isBusy("b")]).toEqual([true, false]);
    await expect(failing).rejects.toThrow("one");
    expect(await following).toBe(2);
    expect(serials.isBusy("a")).toBe(false);
  });
});
