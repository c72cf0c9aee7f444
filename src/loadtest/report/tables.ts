import { totalOf } from "../measure/counted.ts";
import type { Percentiles } from "../measure/histogram.ts";
import { groupsOf } from "../plan.ts";
import type { ScenarioResult } from "../result.ts";
import type { ServerFigures, ServerReport } from "../server/server.ts";
import type { Timing } from "../worker/api.ts";
import { bytes, duration, ms, short, whole } from "./numbers.ts";

/** A table of a report: what a terminal and a page show alike. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const NOT_EXPOSED = "not exposed";

const TIMING_NAMES: Readonly<Record<Timing, string>> = {
  connect: "connect, until logged in",
  latency: "latency, from the planned time",
  transit: "latency, from the sending",
  receipt: "receipt of the server",
  reconnect: "reconnect, from the cut",
  lateness: "lateness of the tester",
};

/** One line that says what was run. */
export function describePlan({ plan, scenario }: ScenarioResult): string {
  const { connections, rate, durationMs, size, members, senders, via, ephemeral, spreadMs, churn, ramp } =
    plan;
  const parts = [`${whole(connections)} connections`];
  if (scenario === "connect") return [...parts, `${whole(ramp)} per second`].join(", ");
  if (scenario === "idle") return [...parts, `idle for ${duration(durationMs)}`].join(", ");
  if (scenario === "chat" || scenario === "soak")
    parts.push(
      `${whole(groupsOf(plan))} groups of ${whole(members)}, ${whole(Math.min(members, senders))} senders each`,
    );
  if (scenario === "fanout" || scenario === "broadcast")
    parts.push(`${whole(senders)} sender${senders === 1 ? "" : "s"}`);
  parts.push(`${short(rate)} messages/s for ${duration(durationMs)}`, `${whole(size)} bytes`);
  if (plan.template === undefined)
    parts.push(ephemeral ? "ephemeral" : "stored", via === "http" ? "over the HTTP API" : "over WebSockets");
  if (scenario === "storm") parts.push(`all cut at once, back within ${duration(spreadMs)}`);
  if (scenario === "soak" && churn > 0) parts.push(`${short(churn)} reconnects/s`);
  return parts.join(", ");
}

/** Counts and rates. */
export function countsOf(result: ScenarioResult): Table {
  const { connections, totals, expected, lost, sendMs } = result;
  const perSecond = (count: number): string => `${short((1_000 * count) / Math.max(1, sendMs))}/s`;
  const rows: string[][] = [
    [
      "connections",
      `${whole(connections.opened)} of ${whole(connections.wanted)}`,
      `in ${duration(connections.rampMs)}, ${short((1_000 * connections.opened) / Math.max(1, connections.rampMs))}/s`,
    ],
  ];
  const refusals = totalOf(connections.refusals);
  if (refusals > 0) rows.push(["attempts that failed", whole(refusals), reasons(connections.refusals)]);
  const ends = totalOf(connections.ends);
  if (ends > 0) rows.push(["connections that broke", whole(ends), reasons(connections.ends)]);
  if (totals.reconnects > 0) rows.push(["reconnects", whole(totals.reconnects), ""]);
  if (Object.keys(connections.nodes).length > 1)
    rows.push(["nodes", whole(Object.keys(connections.nodes).length), reasons(connections.nodes)]);
  if (totals.sent + totals.unsent > 0) {
    rows.push(["sent", whole(totals.sent), perSecond(totals.sent)]);
    rows.push(["received", `${whole(totals.received)} of ${whole(expected)}`, perSecond(totals.received)]);
    rows.push(
      ["lost", whole(lost), ""],
      ["duplicates", whole(totals.duplicates), ""],
      ["out of order", whole(totals.reordered), ""],
    );
  }
  const extras: [string, number, string][] = [
    ["refused", totals.refused, reasons(result.refusedMessages)],
    ["without an answer", totals.unconfirmed, "no loss: it is not known whether the server took them"],
    ["not sent", totals.unsent, ""],
    ["gaps that were filled", totals.gaps, "dropped on the way to slow connections, sent again when asked"],
    ["repeats on the wire", totals.repeats, "left out by their offsets, as the SDK does"],
    ["other errors", totalOf(result.errors), reasons(result.errors)],
  ];
  for (const [name, count, note] of extras) if (count > 0) rows.push([name, whole(count), note]);
  return { header: ["", "", ""], rows };
}

/** Percentiles of what was timed. */
export function timingsOf({ timings, waits }: ScenarioResult): Table {
  const names: Timing[] = ["connect", "reconnect", "latency", "transit", "receipt", "lateness"];
  const timed = names.map((name): [string, Percentiles] => [TIMING_NAMES[name], timings[name]]);
  if (waits !== undefined)
    timed.push(["request meanwhile", waits.request], ["API call meanwhile", waits.call]);
  const rows = timed
    .filter(([, { count }]) => count > 0)
    .map(([name, percentiles]) => [name, ...COLUMNS.map((column) => ms(percentiles[column]))]);
  return { header: ["", "p50", "p90", "p99", "p99.9", "max"], rows };
}

const COLUMNS: readonly (keyof Percentiles)[] = ["p50", "p90", "p99", "p999", "max"];

/** A server's own figures. */
export function serverOf(report: ServerReport): Table {
  const { before, connected, after, most } = report;
  const moments = [before, connected, after, most];
  const line = (name: string, figure: keyof ServerFigures, format: (value: number) => string): string[] => [
    name,
    ...moments.map((each) => {
      const value = each?.[figure];
      return value === undefined ? NOT_EXPOSED : format(value);
    }),
  ];
  return {
    header: ["", "before", "connected", "after", "most"],
    rows: [
      line("CPU time", "cpuSeconds", (value) => `${short(value)} s`),
      line("memory (RSS)", "rssBytes", bytes),
      line("heap", "heapBytes", bytes),
      line("open files", "fileHandles", whole),
      line("handles", "handles", whole),
      line("GC pauses", "gcCount", whole),
      line("time in GC", "gcSeconds", (value) => `${short(value)} s`),
      line("event loop delay, p99", "loopDelaySeconds", (value) => ms(value * 1_000)),
      line("connections", "connections", whole),
      line("dropped messages", "dropped", whole),
    ],
  };
}

/** What follows from a server's figures. */
export function serverNotes(
  { cpuPercent, bytesPerConnection }: ServerReport,
  { scenario, sendMs }: ScenarioResult,
): string[] {
  const notes: string[] = [];
  if (cpuPercent !== undefined && sendMs > 500)
    notes.push(`CPU while it ran: ${short(cpuPercent)} % of one core`);
  // A server that has served other scenarios before has memory to spare, which says nothing about a connection.
  if (bytesPerConnection !== undefined && scenario === "idle")
    notes.push(`memory of a connection: ${bytes(bytesPerConnection)} of RSS`);
  return notes;
}

export const testerNote = ({ tester }: ScenarioResult): string =>
  `tester: ${tester.workers} process${tester.workers === 1 ? "" : "es"}, ${short(tester.cpuPercent)} % of one core, its longest pause ${ms(tester.loopMs)}`;

/** The most frequent reasons. */
function reasons(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts);
  const shown = entries.slice(0, 3).map(([reason, count]) => `${reason} (${whole(count)})`);
  return entries.length > 3 ? `${shown.join("; ")}; ${entries.length - 3} more` : shown.join("; ");
}
