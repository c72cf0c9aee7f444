import { percentile } from "../measure/statistics.ts";
import { formatTable } from "../report/tables.ts";
import { atLeast, atMost, type Verdict } from "../report/targets.ts";
import type { Memory } from "./meters.ts";
import type { ConnectionsResult, HubFigures, Latency } from "./plan.ts";

const KIB = 1_024;
const MIB = 2 ** 20;

const median = (values: readonly number[]): number =>
  percentile(
    values.toSorted((one, other) => one - other),
    0.5,
  );

const count = (value: number): string => Math.round(value).toLocaleString("en");
const kib = (bytes: number): string => `${(bytes / KIB).toFixed(2)} KiB`;
const mib = (bytes: number): string => `${count(bytes / MIB)} MiB`;
const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;

const minus = (one: Memory, other: Memory): Memory => ({
  heap: one.heap - other.heap,
  external: one.external - other.external,
  rss: one.rss - other.rss,
  rssReleased: one.rssReleased - other.rssReleased,
});

const cells = (show: (bytes: number) => string, memory: Memory): string[] => [
  show(memory.heap),
  show(memory.external),
  show(memory.rss),
  show(memory.rssReleased),
];

/** The tables of a run. */
export function formatConnections({ plan, heapMiB, sockets, ws, hub }: ConnectionsResult): string {
  const memory = [
    ["memory", "heap of V8", "external", "RSS", "RSS, reserve given back"],
    ["a socket of Node, with the client's end", ...cells(kib, sockets.each)],
    ["+ ws", ...cells(kib, minus(ws.each, sockets.each))],
    ["+ the hub", ...cells(kib, minus(hub.each, ws.each))],
    ["= a connection", ...cells(kib, hub.each)],
    ["the process before", ...cells(mib, hub.before)],
    [`the process with ${count(plan.connections)}`, ...cells(mib, hub.whole)],
    ["the process when all have left", ...cells(mib, hub.left)],
  ];
  const head = `${count(plan.connections)} connections in one process (heap limit ${count(heapMiB)} MiB)`;
  return `${head}\n\n${formatTable(memory)}\n\n${formatTable(phases(hub, plan.connections))}`;
}

function phases(hub: HubFigures, connections: number): string[][] {
  const { connect, quiet, broadcast, asked, leave, came, latency } = hub;
  const share = ((100 * quiet.cpuMs) / quiet.ms).toFixed(2);
  const cpuUs = (broadcast.cpuMs * 1e3) / (broadcast.eachMs.length * connections);
  return [
    ["", "", "delay of the event loop p50, p99, most", "garbage collector: all, longest stop"],
    [
      `${count(came)} connects`,
      `${count((came * 1e3) / connect.ms)}/s, ${count((connect.cpuMs * 1e3) / came)} µs of CPU each`,
      ...spent(connect),
    ],
    [
      `heartbeats for ${count(quiet.ms / 1e3)} s`,
      `${share} % of a core, ${count(quiet.pongs)} pings answered`,
      ...spent(quiet),
    ],
    [
      `${broadcast.eachMs.length} broadcasts`,
      `${ms(median(broadcast.eachMs))} each, ${cpuUs.toFixed(2)} µs of CPU a delivery`,
      ...spent(broadcast),
    ],
    [`${asked.eachMs.length} while clients ask`, `${ms(median(asked.eachMs))} each`, ...spent(asked)],
    ["requests, nothing else", latencyOf(latency.quiet), "", ""],
    ["requests during a broadcast", latencyOf(latency.broadcast), "", ""],
    [
      "all leave",
      `${count((connections * 1e3) / leave.ms)}/s, ${count((leave.cpuMs * 1e3) / connections)} µs of CPU each`,
      ...spent(leave),
    ],
    ["the client's end of a delivery", `${count(hub.frameNs)} ns of CPU, within the figures above`, "", ""],
  ];
}

const spent = ({ delayMs, gc }: HubFigures["connect"]): string[] => [
  `${ms(delayMs.p50)}, ${ms(delayMs.p99)}, ${ms(delayMs.max)}`,
  `${ms(gc.totalMs)}, ${ms(gc.longestMs)}`,
];

/** A short broadcast may have no request in it. */
const latencyOf = ({ count, p50, p99, max }: Latency): string =>
  count === 0 ? "none" : `p50 ${ms(p50)}, p99 ${ms(p99)}, most ${ms(max)}`;

/** Broadcasts that take less have no room for a request in between: their quarter is the precision of a timer. */
const LEAST_BROADCAST_MS = 50;

/** With fewer connections the rest of the process, whose memory comes and goes, is more than theirs. */
const LEAST_CONNECTIONS = 20_000;

/** Judges a run. What it is too small to tell is not a number. */
export function judgeConnections({ plan, hub, ws }: ConnectionsResult): Verdict[] {
  const { frames, lost, latency, asked, left, before, whole } = hub;
  const eachMs = median(asked.eachMs);
  const returned = (whole.heap - left.heap) / (whole.heap - before.heap);
  const isLarge = plan.connections >= LEAST_CONNECTIONS;
  const missing = Math.max(frames.sent - frames.least, frames.most - frames.sent);
  return [
    atMost("connections that the server has closed unasked", 0, lost),
    atMost("frames that a client has missed, or got twice", 0, missing),
    atMost(
      "heap and external memory of a connection beyond ws, KiB",
      2,
      isLarge ? beyond(hub.each, ws.each) : Number.NaN,
    ),
    atMost(
      "p99 of requests during a broadcast, share of its time",
      1 / 4,
      eachMs < LEAST_BROADCAST_MS || latency.broadcast.count === 0
        ? Number.NaN
        : latency.broadcast.p99 / eachMs,
    ),
    atLeast(
      "heap that is free again when all have left, share of what they took",
      0.9,
      isLarge ? returned : Number.NaN,
    ),
  ];
}

const beyond = (one: Memory, other: Memory): number => {
  const { heap, external } = minus(one, other);
  return (heap + external) / KIB;
};
