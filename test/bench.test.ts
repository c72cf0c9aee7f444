import { afterEach, describe, expect, it } from "vitest";
import { Arrivals } from "../bench/cluster/arrivals.ts";
import { CLUSTER_CONTENDERS } from "../bench/cluster/contenders.ts";
import { CLUSTER_SCENARIOS, runClusterScenario } from "../bench/cluster/run.ts";
import { TINY as TINY_CLUSTER } from "../bench/cluster/scale.ts";
import { caseOf } from "../bench/cluster/scenario.ts";
import { flowCase } from "../bench/cluster/scenarios/throughput.ts";
import { judgeCluster } from "../bench/cluster/targets.ts";
import {
  formatConnections,
  judgeConnections,
  measureConnections,
  type Plan,
} from "../bench/connections/connections.ts";
import { judgeChange } from "../bench/measure/statistics.ts";
import { comparePage, PAGES } from "../bench/readme.ts";
import { judge } from "../bench/report/targets.ts";
import { FrameCounter } from "../bench/rig/frames.ts";
import { CONTENDERS, Rig } from "../bench/rig/rig.ts";
import { runScenario, SCENARIOS } from "../bench/run.ts";
import { TINY } from "../bench/scale.ts";
import type { Row } from "../bench/scenario.ts";
import { fanoutCase } from "../bench/scenarios/fanout.ts";

const contenders = CONTENDERS.filter(({ name }) => ["tidings", "tidings-stored", "ws-loop"].includes(name));
const SCENARIO_TIMEOUT_MS = 300_000; // it starts several processes, on a machine that may be busy

const rigs: Rig[] = [];
afterEach(() => Promise.all(rigs.splice(0).map((rig) => rig.close())));

describe("the bench", () => {
  it.each(PAGES)("is the source of the tables in $name", (page) => {
    const { actual, expected } = comparePage(page);
    expect(actual).toBe(expected);
    expect(actual).toContain("<!-- bench:start -->");
  });

  it.each(SCENARIOS)(
    "measures $name in finite numbers",
    { timeout: SCENARIO_TIMEOUT_MS },
    async (scenario) => {
      const rows = await runScenario(scenario, { scale: TINY, contenders, progress: () => {} });
      expect(new Set(rows.map(({ contender }) => contender))).toContain("tidings");
      expect(new Set(rows.map(({ contender }) => contender))).toContain("ws-loop");
      expectFinite(rows);
    },
  );

  it.each(contenders)(
    "counts every delivery of $name",
    { timeout: SCENARIO_TIMEOUT_MS },
    async (contender) => {
      const rig = await Rig.open({ contender, receivers: 2 });
      rigs.push(rig);
      await rig.connect(20);
      const ticks = { minTicks: 4, maxTicks: 4, cpuBudgetMs: 0 };
      const everyone = await rig.publishTicks({ audience: "everyone", perTick: 7, ...ticks });
      expect(everyone.report.messages).toBe(5 * 7); // the first of five ticks warms up
      expect(everyone.tally).toMatchObject({ messages: 5 * 7 * 20, least: 35, most: 35, faults: [] });
      expect(everyone.tally.checked).toBe(35 * 10); // every second connection is read
      const eachUser = await rig.publishTicks({ audience: "each-user", perTick: 1, ...ticks });
      expect(eachUser.tally).toMatchObject({ messages: 5 * 20, least: 5, most: 5, faults: [] });
    },
  );
});

describe("the bench of the cluster", () => {
  it.each(CLUSTER_SCENARIOS)(
    "measures $name in finite numbers",
    { timeout: SCENARIO_TIMEOUT_MS },
    async (scenario) => {
      const options = { scale: TINY_CLUSTER, contenders: CLUSTER_CONTENDERS, progress: () => {} };
      const rows = await runClusterScenario(scenario, options);
      const contenders = new Set(rows.map(({ contender }) => contender));
      const isStored = scenario.name === "stored";
      expect(contenders).toContain(isStored ? "tidings-hub-stored" : "tidings-hub");
      expect(contenders).toContain(isStored ? "publish-xadd" : "publish");
      expectFinite(rows);
      if (scenario.name !== "local") return;
      // The heartbeats of the nodes fall into some of the measurements, not into all.
      const commands = rows.map(({ contender, figures }) => [contender, figures.commands?.low]);
      expect(Object.fromEntries(commands)).toMatchObject({ "tidings-hub": 0 });
    },
  );

  it("detects lost, repeated and swapped messages", () => {
    const arrivals = new Arrivals();
    arrivals.expect(2);
    const arrive = (user: number, n: number) => arrivals.message(`user:u${user}`, `{"n":${n},"text":""}`);
    arrive(0, 0);
    arrive(1, 0);
    arrive(0, 1);
    expect(arrivals.tally()).toMatchObject({ messages: 3, least: 1, most: 2, faults: [] });
    arrive(0, 3);
    arrive(0, 2);
    arrivals.data({ user: "u1", n: 0, text: "" });
    expect(arrivals.tally().faults).toEqual([
      "u0: expected message 2, got 3",
      "u0: expected message 4, got 2",
      "u1: expected message 1, got 0",
    ]);
  });

  it("judges medians of the largest tick, and every command in Redis", () => {
    const who = caseOf({ users: TINY_CLUSTER.users, hasClients: false });
    const of = (median: number, high = median) => ({ median, low: median, high });
    const rows: Row[] = [
      {
        scenario: "ephemeral",
        case: flowCase(who, Math.max(...TINY_CLUSTER.perTick)),
        contender: "tidings-hub",
        figures: { perCoreSecond: of(2e6) },
      },
      {
        scenario: "local",
        case: caseOf({ users: TINY_CLUSTER.sockets, hasClients: true }),
        contender: "tidings-hub",
        figures: { commands: of(0, 1) },
      },
    ];
    const verdicts = judgeCluster(rows, TINY_CLUSTER).filter(({ measured }) => !Number.isNaN(measured));
    expect(verdicts.map(({ measured, pass }) => [measured, pass])).toEqual([
      [2e6, true],
      [1, false],
    ]);
  });
});

describe("the bench of connections in one process", () => {
  const plan: Plan = {
    connections: 300,
    times: { heartbeatS: 0.5, timeoutS: 60, graceMs: 10 },
    quietMs: 700,
    broadcasts: 3,
    maxRssBytes: 2 ** 33,
  };

  it("opens, pings, reaches and closes every connection, in finite numbers", {
    timeout: SCENARIO_TIMEOUT_MS,
  }, async () => {
    const result = await measureConnections(plan, { say: () => {} });
    const { frames, lost, quiet, latency } = result.hub;
    expect({ frames, lost }).toEqual({ frames: { least: 9, most: 9, sent: 9 }, lost: 0 });
    expect(quiet.pongs).toBeGreaterThanOrEqual(plan.connections);
    expect(latency.quiet.count).toBeGreaterThan(0);
    expect(formatConnections(result)).not.toMatch(/NaN|Infinity/);
    const none = { count: 0, p50: Number.NaN, p99: Number.NaN, max: Number.NaN };
    const without = { ...result, hub: { ...result.hub, latency: { ...latency, broadcast: none } } };
    expect(formatConnections(without)).toMatch(/requests during a broadcast +none/);
    const judged = judgeConnections(result).filter(({ promise }) => /unasked|missed/.test(promise));
    expect(judged.map(({ pass }) => pass)).toEqual([true, true]);
  });
});

describe("the frame counter of the bench", () => {
  const long = "x".repeat(300);
  const stream = Buffer.concat([
    frame("hello"),
    frame(long),
    Buffer.from([0x89, 0]),
    frame("2"),
    frame("bye"),
  ]);

  it.each([true, false])("finds the same frames however the bytes are cut (reading: %s)", (reading) => {
    for (let size = 1; size <= stream.length; size++) {
      const texts: string[] = [];
      let pings = 0;
      const reader = new FrameCounter({
        text: (text) => texts.push(text),
        ping: () => pings++,
        close: () => {},
      });
      reader.reading = reading;
      let count = 0;
      for (let at = 0; at < stream.length; at += size) count += reader.push(stream.subarray(at, at + size));
      expect({ count, pings, texts }).toEqual({
        count: 3,
        pings: 1,
        texts: reading ? ["hello", long, "2", "bye"] : ["2"],
      });
    }
  });

  it("rejects bytes that are no frame of a server", () => {
    const reader = new FrameCounter({ text: () => {}, ping: () => {}, close: () => {} });
    reader.reading = false;
    expect(() => reader.push(Buffer.from([0x81, 0x85, 0, 0, 0, 0]))).toThrow("masked");
    expect(() => reader.push(Buffer.from([0x82, 0x02, 0, 0]))).toThrow("unexpected frame head 0x82");
  });
});

describe("the judge of the bench", () => {
  const cost = (contender: Row["contender"], median: number): Row => ({
    scenario: "fanout",
    case: fanoutCase(TINY.connections, 1),
    contender,
    figures: { cpuUs: { median, low: median, high: median } },
  });
  const againstLoop = (rows: Row[]) => judge(rows, TINY).find(({ promise }) => promise.includes("ws loop"));

  it("passes promises that are kept and fails those that are not", () => {
    expect(againstLoop([cost("tidings", 6), cost("ws-loop", 7)])?.pass).toBe(true);
    expect(againstLoop([cost("tidings", 8), cost("ws-loop", 7)])?.pass).toBe(false);
  });

  it("gives no verdict on figures that were not measured", () => {
    expect(againstLoop([cost("ws-loop", 7)])?.measured).toBeNaN();
  });
});

function expectFinite(rows: readonly Row[]): void {
  const values = rows.flatMap(({ figures }) =>
    Object.values(figures).flatMap(({ median, low, high }) => [median, low, high]),
  );
  expect(values.length).toBeGreaterThan(0);
  expect(values.filter((value) => !Number.isFinite(value))).toEqual([]);
}

/** A text frame as a server sends it. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header =
    payload.length < 126 ? [0x81, payload.length] : [0x81, 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from(header), payload]);
}

describe("the comparison by turns", () => {
  const noise = [0.97, 0.99, 1, 1.01, 1.02];

  it("calls a cost slower that rose by more than 3 % and by more than the noise", () => {
    expect(judgeChange([1.02, 1.04, 1.05], noise).isSlower).toBe(true);
    expect(judgeChange([1.02, 1.02, 1.05], noise).isSlower).toBe(false);
    expect(judgeChange([1.02, 1.04, 1.05], [0.9, 1.1, 1.1]).isSlower).toBe(false);
    expect(judgeChange([1.02, 1.04, 1.05], [0.9, 0.9, 1]).isSlower).toBe(false);
  });

  it("reports the median of the turns, and between what half of the noise lies", () => {
    expect(judgeChange([0.5, 1.04, 1.05], noise)).toMatchObject({ median: 1.04, low: 0.99, high: 1.01 });
  });
});
