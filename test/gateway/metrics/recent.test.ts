import { describe, expect, it } from "vitest";
import { RecentActivity } from "../../../src/gateway/metrics/recent.ts";
import { Distribution } from "../../../src/protocol/protocol.ts";

/** Activity with one counter and one latency, on a clock of the test. */
function start() {
  const delivery = new Distribution([0.001, 0.01, 0.1]);
  const state = { now: 0, count: 0 };
  const recent = new RecentActivity({
    counters: () => ({ messages: state.count }),
    latencies: { delivery },
    now: () => state.now,
  });
  const second = (messages: number): void => {
    state.count += messages;
    state.now += 1_000;
    recent.tick();
  };
  return { recent, delivery, second };
}

describe("recent activity", () => {
  it("has rates of the last ten seconds, and of less at the start", () => {
    const { recent, second } = start();
    expect(recent.read()).toMatchObject({ rates: { messages: 0 } });
    second(30);
    second(50);
    expect(recent.read()).toMatchObject({ windowMs: 2_000, rates: { messages: 40 } });

    for (let n = 0; n < 20; n++) second(10);
    expect(recent.read().rates.messages).toBeCloseTo(10);
  });

  it("has quantiles of the latencies of that time, in milliseconds", () => {
    const { recent, delivery, second } = start();
    expect(recent.read().latencies).toEqual({ delivery: null });
    for (let n = 0; n < 90; n++) delivery.observe(0.0005);
    for (let n = 0; n < 10; n++) delivery.observe(0.02);

    expect(recent.read().latencies.delivery).toEqual({ p50: 0.556, p90: 1, p99: 91 });
    for (let n = 0; n < 20; n++) second(1);
    expect(recent.read().latencies).toEqual({ delivery: null });
  });

  it("shows a latency beyond the last bound as that bound", () => {
    const { recent, delivery } = start();
    delivery.observe(7);

    expect(recent.read().latencies.delivery?.p50).toBe(100);
  });
});
