import { describe, expect, it, onTestFinished } from "vitest";
import { Overload, type OverloadSettings } from "../../src/gateway/gateway.ts";

const CALM = { loopPercent: 20, delayMs: 1, memoryPercent: 30 };
const BUSY = { loopPercent: 99, delayMs: 5, memoryPercent: 30 };
const HELD = { loopPercent: 90, delayMs: 80, memoryPercent: 30 };
const FULL = { loopPercent: 20, delayMs: 1, memoryPercent: 95 };
/** Below the limits, and above four fifths of them. */
const NEARLY = { loopPercent: 80, delayMs: 45, memoryPercent: 30 };

const SETTINGS: OverloadSettings = {
  connectsPerNode: "off",
  loopPercent: 85,
  loopDelayMs: 50,
  memoryPercent: 90,
};

function watch(settings: Partial<OverloadSettings> = {}) {
  let load = CALM;
  const told: (string | undefined)[] = [];
  const counted: boolean[] = [];
  const overload = new Overload(
    { ...SETTINGS, ...settings },
    { read: () => load, changed: (why) => told.push(why), counted: (isAllowed) => counted.push(isAllowed) },
  );
  onTestFinished(() => overload.stop());
  const isRefused = (call: () => void): boolean => {
    try {
      call();
      return false;
    } catch (error) {
      expect(error).toMatchObject({ code: "unavailable", retryAfterMs: expect.any(Number) });
      return true;
    }
  };
  return {
    ...{ overload, told, counted },
    /** Samples a load some times. @returns what is shed after each */
    samples(times: number, next: typeof CALM): string[] {
      load = next;
      return Array.from({ length: times }, () => {
        overload.sample();
        const connections = isRefused(() => overload.assertConnect()) ? "connections" : "";
        return connections + (isRefused(() => overload.assertEphemeral()) ? " ephemeral" : "");
      });
    },
  };
}

describe("an overloaded node", () => {
  it("sheds new connections first, then ephemeral messages, and takes them up again in the reverse order", () => {
    const { samples, told, overload } = watch();
    expect(samples(11, HELD)).toEqual([
      ...["", ""],
      ...Array.from({ length: 7 }, () => "connections"),
      ...["connections ephemeral", "connections ephemeral"],
    ]);
    expect(overload.refusal).toBe("the event loop is overloaded");
    expect(samples(10, CALM).map((shed) => shed.split(" ").length - 1 + Number(shed !== ""))).toEqual([
      ...[2, 2, 2, 2, 1],
      ...[1, 1, 1, 1, 0],
    ]);
    expect(overload.refusal).toBeUndefined();
    expect(told).toEqual([
      "the event loop is overloaded",
      "the event loop is overloaded: new connections are refused",
      "the event loop is overloaded: new connections and ephemeral messages are refused",
      "the event loop is overloaded: new connections are refused",
      undefined,
    ]);
    expect(overload.shed).toEqual({ connections: 18, ephemeral: 6 });
  });

  it("does not recover just below the limits, nor go to and fro there", () => {
    const { samples } = watch();
    samples(3, HELD);
    expect(new Set(samples(20, NEARLY))).toEqual(new Set(["connections"]));
    expect(samples(5, CALM).at(-1)).toBe("");
    expect(new Set(samples(20, NEARLY))).toEqual(new Set([""]));
  });

  it("is one whose memory is nearly full, too", () => {
    const { samples, overload } = watch();
    expect(samples(10, FULL).at(-1)).toBe("connections ephemeral");
    expect(overload.refusal).toBe("the memory is nearly full");
  });

  it("is none that works all the time without delay, nor one that was held for a moment", () => {
    const { samples, told } = watch();
    expect(new Set(samples(20, BUSY))).toEqual(new Set([""]));
    expect(samples(2, HELD)).toEqual(["", ""]);
    expect(samples(1, CALM)).toEqual([""]);
    expect(samples(2, HELD)).toEqual(["", ""]);
    expect(told).toEqual(["the event loop is overloaded", undefined, "the event loop is overloaded"]);
  });

  it("sheds nothing with 0 for its limits", () => {
    const { samples } = watch({ loopPercent: 0, memoryPercent: 0 });
    expect(new Set([...samples(12, HELD), ...samples(12, FULL)])).toEqual(new Set([""]));
  });
});

it("the rate of new connections is counted, and refuses further ones", () => {
  const { overload, counted } = watch({ connectsPerNode: "2-H" });
  const refused = [1, 2, 3].map(() => {
    try {
      overload.assertConnect();
      return false;
    } catch {
      return true;
    }
  });
  expect(refused).toEqual([false, false, true]);
  expect(counted).toEqual([true, true, false]);
});
