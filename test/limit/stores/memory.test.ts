import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryStore, parseRate } from "../../../src/limit/limit.ts";

const atRest = (maxKeys?: number) => {
  const clock = { now: 0 };
  return {
    clock,
    store: memoryStore({ now: () => clock.now, ...(maxKeys === undefined ? {} : { maxKeys }) }),
  };
};

describe("the memory store", () => {
  it("forgets ended windows while requests come, without a timer", () => {
    const { clock, store } = atRest();
    for (let key = 0; key < 1_000; key++) store.take(`old-${key}`, parseRate("1-S"));
    expect(store.size).toBe(1_000);
    clock.now = 1_000;
    for (let key = 0; key < 1_000; key++) store.take("one", parseRate("5000-S"));
    expect(store.size).toBe(1);
  });

  it("is bounded: 250,000 keys in one window are 100,000 at the end", () => {
    const { store } = atRest();
    for (let key = 0; key < 250_000; key++) {
      store.take(`client-${key}`, parseRate("10-M"));
      if (key % 50_000 === 0) expect(store.size).toBeLessThanOrEqual(100_000);
    }
    expect(store.size).toBe(100_000);
  });

  it("drops the least used of the oldest keys, so that new keys do not free a client that is refused", () => {
    const { store } = atRest(1_000);
    const rate = parseRate("3-M");
    for (let sent = 0; sent < 5; sent++) store.take("abuser", rate);
    for (let key = 0; key < 100_000; key++) store.take(`spray-${key}`, rate);
    expect(store.take("abuser", rate)).toMatchObject({ allowed: false, count: 3 });
    expect(store.size).toBe(1_000);
  });

  it("drops nobody while there is room", () => {
    const { store } = atRest(1_000);
    const rate = parseRate("1-M");
    for (let key = 0; key < 1_000; key++) store.take(`client-${key}`, rate);
    for (let key = 0; key < 1_000; key++) expect(store.take(`client-${key}`, rate).allowed).toBe(false);
  });

  it("keeps windows of different lengths apart", () => {
    const { clock, store } = atRest(10);
    store.take("day", parseRate("1-D"));
    for (let key = 0; key < 100; key++) store.take(`second-${key}`, parseRate("1-S"));
    clock.now = 3_600_000;
    expect(store.take("day", parseRate("1-D")).allowed).toBe(false);
  });

  it("counts like a list of windows would, whatever comes when", () => {
    const steps = fc.array(
      fc.record({
        key: fc.constantFrom("a", "b", "c"),
        unit: fc.constantFrom("S", "M"),
        wait: fc.nat(40_000),
      }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (requests) => {
        const { clock, store } = atRest();
        const windows = new Map<string, { endsAt: number; count: number }>();
        for (const { key, unit, wait } of requests) {
          clock.now += wait;
          const rate = parseRate(`3-${unit}`);
          let window = windows.get(key + unit);
          if (window === undefined || window.endsAt <= clock.now) {
            window = { endsAt: clock.now + rate.windowMs, count: 0 };
            windows.set(key + unit, window);
          }
          const allowed = window.count < 3;
          if (allowed) window.count++;
          const expected = { allowed, count: window.count, resetMs: window.endsAt - clock.now };
          expect(store.take(`${unit}:${key}`, rate)).toEqual(expected);
        }
      }),
    );
  });

  it("tells no more than the length of a window until its end, by the real clock", () => {
    const store = memoryStore();
    const longest = Array.from({ length: 2_000 }, (_, key) => store.take(`${key}`, parseRate("1-S")).resetMs);
    expect(Math.max(...longest)).toBe(1_000);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses maxKeys %d", (maxKeys) => {
    expect(() => memoryStore({ maxKeys })).toThrow("memoryStore: maxKeys: expected a whole number from 1");
  });
});
