import type { ContenderName } from "../rig/rig.ts";
import type { Scale } from "../scale.ts";
import type { FigureName, Row } from "../scenario.ts";
import { fanoutCase, PER_TICK } from "../scenarios/fanout.ts";

/** A promise of Tidings, judged by a measurement. */
export interface Verdict {
  promise: string;
  /** NaN when the run did not measure it. */
  measured: number;
  limit: number;
  /** Direction of the limit: `at most` for a maximum, `at least` for a minimum. */
  bound: "at most" | "at least";
  pass: boolean;
}

type Lookup = (scenario: string, name: string, contender: ContenderName, figure: FigureName) => number;

/** Judges a run. Ratios are of medians of the same run, so a slow machine slows both sides. */
export function judge(rows: readonly Row[], scale: Scale): Verdict[] {
  const median: Lookup = (scenario, name, contender, figure) =>
    find(rows, scenario, name, contender, figure)?.median ?? Number.NaN;
  const worst: Lookup = (scenario, name, contender, figure) =>
    find(rows, scenario, name, contender, figure)?.high ?? Number.NaN;
  return [
    ...judgeFanout(scale, median),
    ...judgeStored(scale, median),
    ...judgeMany(scale, median),
    ...judgeStalled(median),
    ...judgeIdle(scale, median),
    atMost(
      "same-node latency p99 at half of one core, ms",
      1,
      median("latency", `${scale.connections} users`, "tidings", "p99Ms"),
    ),
    atMost(
      `event loop blocked by a broadcast to ${scale.mostConnections}, ms at a time`,
      20,
      worst("block", `${scale.mostConnections} connections`, "tidings", "longestTurnMs"),
    ),
  ];
}

const find = (
  rows: readonly Row[],
  scenario: string,
  name: string,
  contender: ContenderName,
  figure: FigureName,
) =>
  rows.find((row) => row.scenario === scenario && row.case === name && row.contender === contender)?.figures[
    figure
  ];

function judgeFanout({ connections }: Scale, median: Lookup): Verdict[] {
  const cpu = (contender: ContenderName, perTick: number) =>
    median("fanout", fanoutCase(connections, perTick), contender, "cpuUs");
  const ratio = (perTick: number, to: ContenderName) => cpu("tidings", perTick) / cpu(to, perTick);
  return [
    atMost("fan-out at 1 per tick, × the ws loop", 1.0, ratio(1, "ws-loop")),
    atMost("fan-out at 1 per tick, × Bun", 1.5, ratio(1, "bun")),
    atMost("fan-out at 10 per tick, × the ws loop", 1 / 8, ratio(10, "ws-loop")),
    atMost("fan-out at 10 per tick, × Bun", 1.3, ratio(10, "bun")),
    atMost("fan-out at 100 per tick, × Bun", 0.5, ratio(100, "bun")),
    atLeast("fan-out at 100 per tick, million deliveries/s per core", 7.2, 1 / cpu("tidings", 100)),
  ];
}

function judgeStored({ connections }: Scale, median: Lookup): Verdict[] {
  return PER_TICK.map((perTick) => {
    const cpu = (contender: ContenderName) =>
      median("fanout", fanoutCase(connections, perTick), contender, "cpuUs");
    return atMost(`stored at ${perTick} per tick, × ephemeral`, 1.3, cpu("tidings-stored") / cpu("tidings"));
  });
}

function judgeMany({ connections, manyConnections }: Scale, median: Lookup): Verdict[] {
  return PER_TICK.map((perTick) => {
    const cpu = (count: number) => median("fanout", fanoutCase(count, perTick), "tidings", "cpuUs");
    const promise = `${manyConnections} connections at ${perTick} per tick, × the cost with ${connections}`;
    return atMost(promise, 1.3, cpu(manyConnections) / cpu(connections));
  });
}

/**
 * The limit of 8.2 KiB was set as 1 KiB over a plain `ws` server, which had 7.2 KiB with V8's reserve counted. Without
 * the reserve `ws` itself has half of that, so the absolute limit says little there, and the distance to `ws` is
 * judged.
 */
function judgeIdle({ manyConnections }: Scale, median: Lookup): Verdict[] {
  const of = (contender: ContenderName, figure: FigureName) =>
    median("idle", `${manyConnections} connections`, contender, figure);
  return [
    atMost(
      `idle connection at ${manyConnections}, KiB of RSS, V8's reserve counted`,
      8.2,
      of("tidings", "kibWithReserve"),
    ),
    atMost(
      `idle connection at ${manyConnections}, KiB of RSS, reserve released`,
      8.2,
      of("tidings", "kibPerConnection"),
    ),
    atMost(
      "idle connection, KiB over the ws loop, reserve released",
      1,
      of("tidings", "kibPerConnection") - of("ws-loop", "kibPerConnection"),
    ),
  ];
}

/**
 * 256 messages of 16 KiB may wait for the stalled client: 4 MiB; the rest is what the heap may grow for other reasons.
 */
function judgeStalled(median: Lookup): Verdict[] {
  const of = (name: string, figure: FigureName) => median("stalled", name, "tidings", figure);
  return [
    atMost(
      "one stalled client: memory, MiB over all reading",
      16,
      of("one stalled", "growthMiB") - of("all read", "growthMiB"),
    ),
    atMost(
      "one stalled client: p99 of the others, × all reading",
      1.5,
      of("one stalled", "p99Ms") / of("all read", "p99Ms"),
    ),
  ];
}

/** A promise that holds up to the limit. */
export const atMost = (promise: string, limit: number, measured: number): Verdict => ({
  promise,
  measured,
  limit,
  bound: "at most",
  pass: measured <= limit,
});

/** A promise that holds from the limit on. */
export const atLeast = (promise: string, limit: number, measured: number): Verdict => ({
  promise,
  measured,
  limit,
  bound: "at least",
  pass: measured >= limit,
});
