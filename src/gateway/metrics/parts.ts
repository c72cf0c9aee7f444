import { ABILITIES, DEGRADABLE, type Health } from "../../backplane/backplane.ts";
import type { MessageLogCounts } from "../../log/log.ts";
import type { ScrapedMetrics } from "./registry.ts";

/** Decisions of limits, by limit, and what an overloaded node has refused. */
export interface DecisionCounts {
  readonly allowed: Readonly<Record<string, number>>;
  readonly denied: Readonly<Record<string, number>>;
  readonly shed: Readonly<Record<string, number>>;
}

/** Registers what the backplane can do, and what is degraded. */
export function registerHealth(
  own: ScrapedMetrics,
  health: Pick<Health, "abilities" | "degraded" | "connectionsLost">,
): void {
  const numberOf = (isTrue: boolean | undefined): number => (isTrue === true ? 1 : 0);
  const able = () => ABILITIES.map((ability) => [ability, numberOf(health.abilities[ability])] as const);
  own.gauges("tidings_backplane_able", "1 for what the backplane can do now.", "ability", able, "min");
  const degraded = () => {
    const names = health.degraded.map(({ what }) => what);
    return DEGRADABLE.map((what) => [what, numberOf(names.includes(what))] as const);
  };
  const degradedHelp = "1 for a part that does not work as it should.";
  own.gauges("tidings_degraded", degradedHelp, "what", degraded, "max");
  // In memory there are no connections.
  if (Object.keys(health.connectionsLost).length === 0) return;
  const lostHelp = "Connections to the backplane that were lost.";
  own.counters("tidings_backplane_connections_lost_total", lostHelp, "connection", () =>
    Object.entries(health.connectionsLost),
  );
}

/** Registers the decisions of limits, by limit and never by client. */
export function registerGuards(own: ScrapedMetrics, { allowed, denied, shed }: DecisionCounts): void {
  const allowedHelp = "What limits of clients have allowed.";
  own.counters("tidings_limit_allowed_total", allowedHelp, "limit", () => Object.entries(allowed));
  const deniedHelp = "What limits of clients have refused.";
  own.counters("tidings_limit_denied_total", deniedHelp, "limit", () => Object.entries(denied));
  const shedHelp = "What the node has refused because it was overloaded.";
  own.counters("tidings_shed_total", shedHelp, "what", () => Object.entries(shed));
}

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
