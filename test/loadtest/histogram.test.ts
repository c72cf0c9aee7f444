import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Histogram } from "../../src/loadtest/measure/histogram.ts";

const values = fc.array(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 300 });

describe("the histogram", () => {
  it("has the percentiles of the sorted values, to three digits", () => {
    fc.assert(
      fc.property(values, (list) => {
        const histogram = new Histogram();
        for (const value of list) histogram.record(value);
        const sorted = list.toSorted((one, other) => one - other);
        for (const share of [0.5, 0.9, 0.99, 0.999, 1]) {
          const expected = sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
          expect(histogram.valueAt(share)).toBeGreaterThanOrEqual(expected);
          expect(histogram.valueAt(share)).toBeLessThanOrEqual(expected * (1 + 1 / 1_024));
        }
        expect(histogram.percentiles()).toMatchObject({
          count: list.length,
          min: sorted[0],
          max: sorted.at(-1),
        });
      }),
      { numRuns: 50 },
    );
  });

  it("is the same from parts of several processes", () => {
    fc.assert(
      fc.property(values, values, (one, other) => {
        const [whole, left, right] = [new Histogram(), new Histogram(), new Histogram()];
        for (const value of [...one, ...other]) whole.record(value);
        for (const value of one) left.record(value);
        for (const value of other) right.record(value);
        left.add(JSON.parse(JSON.stringify(right.encode())));
        expect(left.encode()).toEqual(whole.encode());
        expect(left.percentiles()).toEqual(whole.percentiles());
      }),
      { numRuns: 20 },
    );
  });

  it("holds 0, what is below it, and what is above its range", () => {
    const histogram = new Histogram();
    for (const value of [-3, 0, 2 ** 40]) histogram.record(value);
    expect(histogram.percentiles()).toMatchObject({ count: 3, min: 0, p50: 0, max: 2 ** 31 - 1 });
    histogram.reset();
    expect(histogram.percentiles()).toEqual({
      count: 0,
      mean: 0,
      min: 0,
      p50: 0,
      p90: 0,
      p99: 0,
      p999: 0,
      max: 0,
    });
    expect(histogram.curve()).toEqual([]);
  });

  it("draws a curve up to the highest share that it has values for", () => {
    const histogram = new Histogram();
    for (let value = 1; value <= 1_000; value++) histogram.record(value);
    const curve = histogram.curve();
    expect(curve[0]).toEqual([0, 1]);
    expect(curve.at(-1)?.[0]).toBeGreaterThan(0.997);
    expect(curve.map(([, value]) => value)).toEqual(
      curve.map(([, value]) => value).toSorted((a, b) => a - b),
    );
  });
});
