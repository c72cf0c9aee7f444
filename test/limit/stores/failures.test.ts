import { describe, expect, it } from "vitest";
import {
  createRateLimiter,
  type RateLimiterOptions,
  type RateStore,
  type Taken,
} from "../../../src/limit/limit.ts";

const TAKEN: Taken = { allowed: true, count: 1, resetMs: 1_000 };

/** A store of which a test decides what it answers next, and a limiter on it. */
function scene(options: Partial<RateLimiterOptions> = {}) {
  const state = { calls: 0, next: (): Taken | Promise<Taken> => Promise.resolve(TAKEN) };
  const store: RateStore = {
    take: () => {
      state.calls++;
      return state.next();
    },
  };
  const errors: unknown[] = [];
  const observer = { onStoreError: (error: unknown) => errors.push(error) };
  const limiter = createRateLimiter({ rate: "5-M", storeTimeoutMs: 20, store, observer, ...options });
  return { state, limiter, errors };
}

const never = (): Promise<Taken> => new Promise(() => undefined);

describe("a store that fails", () => {
  it.each([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["answers nonsense", () => ({}) as Taken],
    ["answers nothing", () => undefined as unknown as Taken],
    ["answers no numbers", () => Promise.resolve({ allowed: true, count: Number.NaN, resetMs: 1 })],
    ["hangs", never],
  ])("that %s, allows by default", async (_, next) => {
    const { state, limiter, errors } = scene();
    state.next = next;
    expect(await limiter.check({})).toMatchObject({ allowed: true, reason: "store_failed", headers: {} });
    expect(errors).toHaveLength(1);
  });

  it("refuses with onStoreError deny, and says when to come again", async () => {
    const { state, limiter } = scene({ onStoreError: "deny" });
    state.next = () => Promise.reject(new Error("broken"));
    const result = await limiter.check({});
    expect(result).toMatchObject({ allowed: false, reason: "store_failed", retryAfterMs: 1_000 });
    expect(result.headers).toEqual({ "Retry-After": "1" });
  });

  it("is asked again by the next request after an error", async () => {
    const { state, limiter } = scene();
    state.next = () => Promise.reject(new Error("broken"));
    await limiter.check({});
    state.next = () => Promise.resolve(TAKEN);
    expect(await limiter.check({})).toMatchObject({ reason: "rate" });
  });
});

describe("a store that hangs", () => {
  it("delays the requests in flight only: later ones do not wait, and one call at a time asks it", async () => {
    const { state, limiter } = scene();
    state.next = never;
    await Promise.all([limiter.check({}), limiter.check({}), limiter.check({})]);
    expect(state.calls).toBe(3);
    for (let sent = 0; sent < 100; sent++) {
      // No promise: the answer is there at once.
      expect(limiter.check({})).toMatchObject({ allowed: true, reason: "store_failed" });
    }
    expect(state.calls).toBe(4);
  });

  it("counts again once it answers in time", async () => {
    const { state, limiter } = scene();
    state.next = never;
    await limiter.check({});
    let answered: Promise<Taken> | undefined;
    state.next = () => {
      answered = Promise.resolve(TAKEN);
      return answered;
    };
    expect(await limiter.check({})).toMatchObject({ reason: "store_failed" });
    await answered;
    await new Promise(setImmediate);
    expect(await limiter.check({})).toMatchObject({ reason: "rate" });
  });

  it("that rejects after its deadline ends nothing", async () => {
    const { state, limiter, errors } = scene();
    let fail: (error: Error) => void = () => undefined;
    state.next = () =>
      new Promise((_, reject) => {
        fail = reject;
      });
    await limiter.check({});
    fail(new Error("late"));
    await new Promise(setImmediate);
    expect(errors).toHaveLength(1);
  });
});
