import { describe, expect, it } from "vitest";
import { ConnectLimits } from "../../src/actions/limits/connects.ts";
import { LiveRate } from "../../src/actions/limits/rates.ts";

const limitsOf = (rate: string, refusals = "1000-M") =>
  new ConnectLimits(new LiveRate(rate), new LiveRate(refusals));

/** Connects of one address in one moment. @returns their waits in milliseconds, or "refused" */
const crowd = (limits: ConnectLimits, count: number, now: number): (number | "refused")[] =>
  Array.from({ length: count }, () => {
    const { waitMs, retryAfterMs } = limits.take("a", now);
    return retryAfterMs > 0 ? "refused" : waitMs;
  });

describe("connects of one address at once", () => {
  it("begin at once up to 20, then one after the other, and those that would wait for over 5 s are refused", () => {
    const limits = limitsOf("3000-M");
    const waits = crowd(limits, 525, 1_000);
    expect(waits.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 0));
    expect(waits.slice(20, 520)).toEqual(Array.from({ length: 500 }, (_, index) => 10 * (index + 1)));
    expect(new Set(waits.slice(520))).toEqual(new Set(["refused"]));
    expect(limits.take("a", 1_000)).toEqual({ waitMs: 0, retryAfterMs: 5_010 });
    expect(limits.take("b", 1_000)).toEqual({ waitMs: 0, retryAfterMs: 0 });
  });

  it("do not wait when they come at the pace of their rate, and a refused one takes nothing from it", () => {
    const limits = limitsOf("40-M");
    for (let index = 0; index < 30; index++) expect(crowd(limits, 1, 1_000 + 10 * index)).toEqual([0]);
    const waits = crowd(limits, 20, 2_000);
    expect(waits.filter((wait) => wait === "refused")).toHaveLength(10);
    expect(crowd(limits, 1, 61_500)).toEqual([0]);
  });

  it("are refused instead of a longer wait than the caller has time for, which takes nothing", () => {
    const limits = limitsOf("3000-M");
    crowd(limits, 30, 1_000);
    expect(limits.take("a", 1_000, 100)).toEqual({ waitMs: 0, retryAfterMs: 110 });
    expect(limits.take("a", 1_000, 110)).toEqual({ waitMs: 110, retryAfterMs: 0 });
  });

  it("wait for nothing when the rate is off, or faster than the pace", () => {
    expect(new Set(crowd(limitsOf("off"), 5_000, 1_000))).toEqual(new Set([0]));
    expect(crowd(limitsOf("100000-S"), 5_000, 1_000).at(-1)).toBeLessThan(50);
  });
});

it("connects that come too fast, but not too many, are no abuse", () => {
  const limits = limitsOf("3000-M", "3-M");
  expect(crowd(limits, 1_000, 1_000).filter((wait) => wait === "refused")).toHaveLength(480);
  expect([limits.hasAbuse(1_000), limits.isAbusive("a", 1_000)]).toEqual([false, false]);
});

describe("an address that goes on after its refusals", () => {
  it("is abusive until the window of the refusals ends, and no other address is", () => {
    const limits = limitsOf("1-H", "3-M");
    const states = Array.from({ length: 5 }, () => {
      limits.take("a", 1_000);
      return limits.hasAbuse(1_000) && limits.isAbusive("a", 1_000);
    });
    expect(states).toEqual([false, false, false, true, true]);
    expect(limits.isAbusive("b", 1_000)).toBe(false);
    expect([limits.hasAbuse(60_999), limits.isAbusive("a", 60_999)]).toEqual([true, true]);
    expect([limits.hasAbuse(61_000), limits.isAbusive("a", 61_000)]).toEqual([false, false]);
  });
});
