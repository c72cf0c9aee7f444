import { ageText, bytesText, countText, msText, rateText } from "./figures.ts";
import type { ConnectionRow, GroupRow, NodeRow } from "./snapshot.ts";
import type { Column } from "./table.ts";

type Statistics = NonNullable<NodeRow["statistics"]>;

/** A figure of a node; empty for one that has not answered. */
const figure =
  (textOf: (statistics: Statistics) => string) =>
  ({ statistics }: NodeRow): string =>
    statistics === undefined ? "" : textOf(statistics);

/** State of a node in a word. */
export function stateOf({ statistics }: NodeRow): "silent" | "draining" | "refusing" | "degraded" | "ok" {
  if (statistics === undefined) return "silent";
  if (statistics.draining) return "draining";
  if (statistics.refusal !== null) return "refusing";
  return statistics.degraded.length > 0 ? "degraded" : "ok";
}

/** Columns of the nodes. @param at time of the snapshot, in milliseconds since 1970 */
export const nodeColumns = (at: number): Column<NodeRow>[] => [
  { title: "NODE", width: 14, rank: 0, cell: ({ node }) => node },
  { title: "STATE", width: 8, rank: 1, align: "left", cell: stateOf },
  { title: "CONNS", width: 5, rank: 2, cell: figure(({ connections }) => countText(connections)) },
  { title: "USERS", width: 5, rank: 11, cell: figure(({ users }) => countText(users)) },
  { title: "GROUPS", width: 6, rank: 12, cell: figure(({ groups }) => countText(groups)) },
  { title: "IN/s", width: 5, rank: 4, cell: figure(({ rates }) => rateText(rates.received)) },
  { title: "PUB/s", width: 5, rank: 10, cell: figure(({ rates }) => rateText(rates.published)) },
  { title: "OUT/s", width: 5, rank: 3, cell: figure(({ rates }) => rateText(rates.delivered)) },
  { title: "DROP/s", width: 6, rank: 7, cell: figure(({ rates }) => rateText(rates.dropped)) },
  { title: "STORE99", width: 7, rank: 9, cell: figure(({ latency }) => msText(latency.stored?.p99)) },
  { title: "DELIV99", width: 7, rank: 6, cell: figure(({ latency }) => msText(latency.delivery?.p99)) },
  { title: "LOOP", width: 4, rank: 5, cell: figure(({ loop }) => `${Math.round(loop.utilization)}%`) },
  { title: "DELAY", width: 5, rank: 13, cell: figure(({ loop }) => msText(loop.delay.p99)) },
  { title: "QUEUED", width: 6, rank: 14, cell: figure(({ queues }) => bytesText(queues.bytes)) },
  { title: "RSS", width: 4, rank: 8, cell: figure(({ memory }) => bytesText(memory.rss)) },
  { title: "UP", width: 4, rank: 15, cell: figure(({ since }) => ageText(at - since)) },
];

export const GROUP_COLUMNS: Column<GroupRow>[] = [
  { title: "BUSIEST GROUPS", width: 20, rank: 0, cell: ({ group }) => group },
  { title: "MSG/s", width: 6, rank: 1, cell: ({ messages }) => rateText(messages) },
  { title: "OUT/s", width: 6, rank: 2, cell: ({ deliveries }) => rateText(deliveries) },
  { title: "NODES", width: 5, rank: 3, cell: ({ nodes }) => countText(nodes) },
];

/** Columns of the slow clients. @param at time of the snapshot, in milliseconds since 1970 */
export const connectionColumns = (at: number): Column<ConnectionRow>[] => [
  { title: "SLOW CLIENTS", width: 12, rank: 0, cell: ({ user }) => user },
  { title: "CONNECTION", width: 16, rank: 2, align: "left", cell: ({ id }) => id },
  { title: "PLATFORM", width: 8, rank: 6, align: "left", cell: ({ platform }) => platform },
  { title: "QUEUE", width: 5, rank: 1, cell: ({ queue }) => bytesText(queue.bytes) },
  { title: "STALL", width: 5, rank: 3, cell: ({ queue }) => msText(queue.stalledMs) },
  { title: "AGE", width: 4, rank: 5, cell: ({ connectedAt }) => ageText(at - connectedAt) },
  { title: "ADDRESS", width: 15, rank: 4, align: "left", cell: ({ address }) => address },
  { title: "NODE", width: 8, rank: 7, align: "left", cell: ({ node }) => node },
];
