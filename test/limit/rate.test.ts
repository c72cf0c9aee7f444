import { describe, expect, it } from "vitest";
import { parseRate, RateCounter } from "../../src/limit/limit.ts";

describe("a rate", () => {
  it.each([
    ["10-S", 10, 1_000],
    ["200-M", 200, 60_000],
    ["1000-H", 1_000, 3_600_000],
    ["5000-D", 5_000, 86_400_000],
    ["7-m", 7, 60_000],
  ])("%s is %i in %i ms", (text, limit, windowMs) => {
    expect(parseRate(text)).toMatchObject({ limit, windowMs, text: text.toUpperCase() });
  });

  it.each([
    "",
    "10",
    "S",
    "10-",
    "10S",
    "10-X",
    "-1-S",
    "0-S",
    "1.5-S",
    "1e3-S",
    " 10-S",
    "10-S ",
    "10-SM",
    "９-S",
  ])("refuses %j with what it expects", (text) => {
    expect(() => parseRate(text)).toThrow(
      `expected a rate such as 200-M: a whole number from 1, a dash, and S, M, H or D for second, minute, hour or day, got ${JSON.stringify(text)}`,
    );
  });

  it("refuses what is no text", () => {
    for (const value of [undefined, null, 10, {}, []]) {
      expect(() => parseRate(value as unknown as string)).toThrow(
        expect.objectContaining({ code: "bad_request" }),
      );
    }
  });
});

describe("a counter", () => {
  it("allows so many in a window, and as many again in the next", () => {
    const counter = new RateCounter({ rate: parseRate("3-S") });
    const taken = [0, 1, 2, 3, 999, 1_000, 1_001, 1_002, 1_003].map((now) => counter.take(now));
    expect(taken).toEqual([true, true, true, false, false, true, true, true, false]);
  });

  it("begins a window with the first call, not with the clock's second", () => {
    const counter = new RateCounter({ rate: parseRate("1-S") });
    expect([900, 1_000, 1_899, 1_900].map((now) => counter.take(now))).toEqual([true, false, false, true]);
  });

  it("tells when there is room again", () => {
    const counter = new RateCounter({ rate: parseRate("1-S") });
    expect(counter.retryAfterMs(0)).toBe(0);
    counter.take(100.5);
    expect(counter.retryAfterMs(200)).toBe(901);
    expect(counter.retryAfterMs(1_100.4)).toBe(1);
    expect(counter.retryAfterMs(1_100.5)).toBe(0);
  });

  it("follows a new rate of its source at once, and keeps its count", () => {
    const source = { rate: parseRate("2-M") };
    const counter = new RateCounter(source);
    expect([0, 1, 2].map((now) => counter.take(now))).toEqual([true, true, false]);
    source.rate = parseRate("3-M");
    expect([3, 4].map((now) => counter.take(now))).toEqual([true, false]);
    source.rate = parseRate("3-S");
    expect(counter.take(1_000)).toBe(true);
  });
});
