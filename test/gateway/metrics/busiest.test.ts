import { describe, expect, it } from "vitest";
import { BusiestGroups } from "../../../src/gateway/metrics/busiest.ts";

/** Rates on a clock of the test, with draws from a seed. */
function start() {
  let now = 0;
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const groups = new BusiestGroups(() => now, random);
  const wait = (ms: number): BusiestGroups => {
    now += ms;
    groups.tick();
    return groups;
  };
  return { groups, wait };
}

function repeat(times: number, run: (index: number) => void): void {
  for (let index = 0; index < times; index++) run(index);
}

describe("the busiest groups", () => {
  it("are told by messages per second, with the connections that took them", () => {
    const { groups, wait } = start();
    repeat(30, () => groups.add("group:quiet", 1));
    repeat(50, () => groups.add("group:busy", 4));

    expect(wait(5_000).top(10)).toEqual([
      { group: "busy", messages: 10, deliveries: 40 },
      { group: "quiet", messages: 6, deliveries: 6 },
    ]);
    expect(groups.top(1)).toHaveLength(1);
  });

  it("are groups only", () => {
    const { groups, wait } = start();
    for (const channel of ["all", "user:bob"]) groups.add(channel, 1);

    expect(wait(1_000).top(10)).toEqual([]);
  });

  it("keep their rate where a window ends, and lose it when they fall silent", () => {
    const { groups, wait } = start();
    repeat(10, () => {
      repeat(20, () => groups.add("group:g", 1));
      wait(1_000);
    });
    repeat(5, () => {
      repeat(20, () => groups.add("group:g", 1));
      wait(1_000);
    });

    expect(groups.top(1)[0]?.messages).toBeCloseTo(20);
    repeat(10, () => wait(1_000));
    expect(groups.top(1)[0]?.messages ?? 0).toBeLessThan(10);
    repeat(10, () => wait(1_000));
    expect(groups.top(1)).toEqual([]);
  });

  it("tell whether all groups are counted: not from the 513th one of a window on", () => {
    const { groups, wait } = start();
    repeat(512, (index) => groups.add(`group:g${index}`, 1));
    expect(groups.countsAll).toBe(true);
    groups.add("group:one more", 1);
    expect(groups.countsAll).toBe(false);
    repeat(10, () => wait(1_000));
    expect(groups.countsAll).toBe(false); // the rates have a share of the window before
    repeat(10, () => wait(1_000));
    expect(groups.countsAll).toBe(true);
  });

  it("are found among more groups than have a place, whenever they begin", () => {
    const { groups, wait } = start();
    repeat(200_000, (index) => groups.add(`group:crowd-${index % 50_000}`, 1));
    // Five groups with 5,000 messages each, among 50,000 with four.
    repeat(200_000, (index) => {
      groups.add(`group:crowd-${index % 50_000}`, 1);
      if (index % 8 === 0) groups.add(`group:busy-${(index / 8) % 5}`, 3);
    });

    const top = wait(5_000).top(5);
    expect(top.map(({ group }) => group).sort()).toEqual([0, 1, 2, 3, 4].map((number) => `busy-${number}`));
    for (const { messages } of top) {
      expect(messages).toBeGreaterThan(900);
      expect(messages).toBeLessThan(1_100);
    }
  });
});
