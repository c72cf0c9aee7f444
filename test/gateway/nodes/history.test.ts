import { describe, expect, it } from "vitest";
import { firstNames } from "../../../src/gateway/nodes/browse.ts";
import { NodeHistory, sumOfHistories } from "../../../src/gateway/nodes/history.ts";
import type { NodeStatistics } from "../../../src/gateway/nodes/nodes.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const NOW = 1_000 * HOUR + 20 * SECOND;

/** Statistics with some connections, and a delay of the event loop. */
function statistics(connections: number, loopP99: number): NodeStatistics {
  const rates = { received: 0, published: 0, delivered: 0, dropped: 0, connects: 0, disconnects: 0 };
  return {
    ...{ connections, users: 1, rates, degraded: [] },
    latency: { stored: null, ephemeral: null, delivery: null },
    loop: { utilization: 1, delay: { p50: 0, p90: 0, p99: loopP99, max: 0 } },
    memory: { rss: 1, heapUsed: 1 },
  } as unknown as NodeStatistics; // the parts that a sample has
}

function running({ from = 1_000 * HOUR, loopP99 = 1, read = (): void => undefined } = {}) {
  let now = from;
  let connections = 0;
  const history = new NodeHistory(
    () => {
      read();
      return statistics(++connections, loopP99);
    },
    () => now,
  );
  const runFor = (ms: number): void => {
    for (const end = now + ms; now < end; now += SECOND) history.tick();
  };
  const pause = (ms: number): void => {
    now += ms;
  };
  return { history, runFor, pause };
}

describe("the last hour of a node", () => {
  it("has a sample every five seconds, and null where nothing was measured", () => {
    const { history, runFor } = running();
    expect(history.history.series.connections).toEqual([]);
    runFor(15 * SECOND);
    const { from, everyMs, series } = history.history;
    expect({ from, everyMs }).toEqual({ from: 1_000 * HOUR, everyMs: 5_000 });
    expect(series.connections).toEqual([1, 2, 3]);
    expect(series.deliveryP99).toEqual([null, null, null]);
  });

  it("keeps an hour, and has no values of a time in which the process stood", () => {
    const { history, runFor, pause } = running();
    runFor(2 * HOUR);
    expect(history.history.series.connections).toHaveLength(720);
    expect(history.history.series.connections[0]).toBe(721);
    pause(10 * SECOND);
    runFor(5 * SECOND);
    expect(history.history.series.connections.slice(-4)).toEqual([1440, null, null, 1441]);
    pause(2 * HOUR);
    runFor(5 * SECOND);
    expect(history.history.series.connections.filter((value) => value !== null)).toEqual([1442]);
  });

  it("begins anew after a step back of the clock", () => {
    const { history, runFor, pause } = running();
    runFor(30 * SECOND);
    pause(-20 * SECOND);
    runFor(5 * SECOND);
    pause(5 * SECOND);
    runFor(5 * SECOND);
    const { from, series } = history.history;
    expect(from).toBe(1_000 * HOUR + 10 * SECOND);
    expect(series.connections).toEqual([7, null, 8]);
  });

  it("leaves out a sample that cannot be read", () => {
    let fails = false;
    const read = (): void => {
      if (fails) throw new Error("EMFILE: too many open files");
    };
    const { history, runFor } = running({ read });
    runFor(5 * SECOND);
    fails = true;
    runFor(5 * SECOND);
    fails = false;
    runFor(5 * SECOND);
    expect(history.history.series.connections).toEqual([1, null, 2]);
  });
});

describe("the last hour of the cluster", () => {
  it("has sums, the worst node's delays, and the values of nodes that came later", () => {
    const [one, other] = [running(), running({ from: 1_000 * HOUR + 10 * SECOND, loopP99: 7 })];
    one.runFor(20 * SECOND);
    other.runFor(10 * SECOND);
    const { from, series } = sumOfHistories([one.history.history, other.history.history], NOW);
    expect(from).toBe(1_000 * HOUR);
    expect(series.connections).toEqual([1, 2, 3 + 1, 4 + 2]);
    expect(series.loopP99).toEqual([1, 1, 7, 7]);
  });

  it("leaves out a node whose clock is far off", () => {
    const [one, other] = [running(), running({ from: 1 })];
    for (const each of [one, other]) each.runFor(20 * SECOND);
    const sum = sumOfHistories([one.history.history, other.history.history], NOW);
    expect(sum.series.connections).toEqual([1, 2, 3, 4]);
  });

  it("ends before a sample that not all nodes have taken", () => {
    const [one, other] = [running(), running()];
    one.runFor(20 * SECOND);
    other.runFor(15 * SECOND);
    expect(sumOfHistories([one.history.history, other.history.history], NOW).series.connections).toEqual([
      2, 4, 6,
    ]);
  });

  it("ends with the last sample of the slowest clock", () => {
    const [one, ahead] = [running(), running({ from: 1_000 * HOUR + 30 * SECOND })];
    for (const each of [one, ahead]) each.runFor(40 * SECOND);
    const { series } = sumOfHistories([one.history.history, ahead.history.history], NOW);
    expect(series.connections).toEqual([1, 2, 3, 4, 5, 6, 7 + 1, 8 + 2]);
  });
});

describe("a page of names", () => {
  it("has the first ones after a name, each once, whatever their order", () => {
    const names = ["d", "b", "a", "c", "b", "ba", "e"];
    expect(firstNames(names, { prefix: "", after: "", limit: 3 })).toEqual(["a", "b", "ba"]);
    expect(firstNames(names, { prefix: "", after: "ba", limit: 3 })).toEqual(["c", "d", "e"]);
    expect(firstNames(names, { prefix: "b", after: "", limit: 3 })).toEqual(["b", "ba"]);
  });
});
