import type { MessageLogCounts } from "../../log/log.ts";
import type { ScrapedMetrics } from "./registry.ts";

/** Registers what the message log has written, and what it has lost. */
export function registerMessageLog(own: ScrapedMetrics, log: { readonly counts: MessageLogCounts }): void {
  own.gauge(
    "tidings_message_log_waiting",
    "Records that wait for the message log.",
    () => log.counts.waiting,
  );
  const bytesHelp = "Size of the records that wait for the message log.";
  own.gauge("tidings_message_log_waiting_bytes", bytesHelp, () => log.counts.waitingBytes);
  own.counter("tidings_message_log_written_total", "Records in the message log.", () => log.counts.written);
  const droppedHelp = "Records that a full queue of the message log has dropped.";
  own.counter("tidings_message_log_dropped_total", droppedHelp, () => log.counts.dropped);
  const refusedHelp = "Records that the message log can never store.";
  own.counter("tidings_message_log_refused_total", refusedHelp, () => log.counts.refused);
  const failuresHelp = "Writes of the message log that failed; each is repeated.";
  own.counter("tidings_message_log_failures_total", failuresHelp, () => log.counts.failures);
}
