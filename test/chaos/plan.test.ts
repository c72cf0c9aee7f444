import { describe, expect, it } from "vitest";
import { Dice, planOf } from "./plan.ts";

const FAULTS = [
  { name: "one", lane: "nodes", lastsMs: [100, 200] as const },
  { name: "two", lane: "nodes", lastsMs: [0, 5_000] as const },
  { name: "three", lane: "redis", lastsMs: [0, 0] as const },
];

describe("planOf", () => {
  it("gives the same plan for the same seed, in whatever order the faults are listed", () => {
    expect(planOf(7, FAULTS.toReversed(), 9)).toEqual(planOf(7, FAULTS, 9));
  });

  it("gives other plans for other seeds", () => {
    const plans = Array.from({ length: 20 }, (_, seed) => JSON.stringify(planOf(seed, FAULTS, 9)));
    expect(new Set(plans).size).toBe(20);
  });

  it("gives each lane its own faults, within their bounds", () => {
    const { nodes = [], redis = [] } = planOf(7, FAULTS, 50);
    expect(nodes).toHaveLength(50);
    expect(new Set(nodes.map(({ fault }) => fault))).toEqual(new Set(["one", "two"]));
    expect(new Set(redis.map(({ fault, forMs }) => `${fault} ${forMs}`))).toEqual(new Set(["three 0"]));
    for (const { fault, forMs } of nodes) {
      if (fault === "one") expect(forMs).toBeGreaterThanOrEqual(100);
      expect(forMs).toBeLessThanOrEqual(fault === "one" ? 200 : 5_000);
    }
  });
});

describe("Dice", () => {
  it("picks all items, and some of them by their share", () => {
    const dice = new Dice(3);
    const items = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(new Set(Array.from({ length: 200 }, () => dice.pick(items))).size).toBe(8);
    expect(dice.some(items, 0)).toHaveLength(1);
    expect(dice.some(items, 1)).toEqual(items);
    expect(dice.some([], 1)).toEqual([]);
  });
});
