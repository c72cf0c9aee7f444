import type { Traffic } from "../../backplane/backplane.ts";
import type { Histogram } from "./histogram.ts";
import type { ScrapedMetrics } from "./registry.ts";

const DIRECTIONS = ["in", "out"] as const;

/** Registers the traffic between nodes, as their backplane counts it. */
export function registerTraffic(own: ScrapedMetrics, traffic: Traffic): void {
  const { messages, bytes, scripts } = traffic;
  const labels = ["direction", "kind"] as const;
  own.labelled("tidings_backplane_messages_total", "Messages between this node and others.", labels, () =>
    DIRECTIONS.flatMap((direction) =>
      Object.entries(messages[direction]).map(([kind, count]) => [{ direction, kind }, count] as const),
    ),
  );
  const bytesHelp = "Bytes of those messages, as sent.";
  own.counters("tidings_backplane_bytes_total", bytesHelp, "direction", () => Object.entries(bytes));
  const droppedHelp = "Messages dropped because the backplane was unavailable or too slow.";
  own.counter("tidings_backplane_dropped_total", droppedHelp, () => traffic.dropped);
  const mendedHelp = "What the backplane had lost, or kept too long, and was set right.";
  own.counters("tidings_backplane_mended_total", mendedHelp, "what", () => Object.entries(traffic.mended));
  const scriptsHelp = "Calls of the backplane's scripts.";
  own.counters("tidings_backplane_scripts_total", scriptsHelp, "script", () => Object.entries(scripts));
}

/** Durations of calls to the server behind the backplane. */
export const callsHistogram = (calls: NonNullable<Traffic["calls"]>): Histogram => ({
  name: "tidings_backplane_call_seconds",
  help: "Time until the server behind the backplane answered a call.",
  parts: Object.entries(calls).map(([call, distribution]) => [{ call }, distribution]),
});
