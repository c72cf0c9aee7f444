import type { Degradation } from "../../../backplane/backplane.ts";
import { toTidingsError } from "../../../protocol/protocol.ts";
import { processMemory } from "../../memory.ts";
import type { LoopDelay, Totals } from "../../metrics/metrics.ts";
import type { ReportName } from "../../workers.ts";
import type { ApiPorts } from "../ports.ts";

/** Liveness of this node. */
export interface HealthReport {
  readonly is_running: boolean;
  readonly websocket_count: number;
}

/** Readiness of this node: ready without reasons. */
export interface ReadyReport {
  readonly reasons: readonly string[];
  readonly degraded: readonly Degradation[];
}

/** Statistics of this node since its start. */
export interface StatsReport extends Totals {
  readonly node: string;
  readonly uptimeSeconds: number;
  readonly draining: boolean;
  readonly connections: number;
  readonly cluster: { readonly users: number; readonly connections: number } | null;
  readonly pending: { readonly messages: number; readonly bytes: number };
  readonly waiting: number;
  readonly memory: { readonly rss: number; readonly heapUsed: number };
  readonly loopDelay: LoopDelay;
}

/** Makes a report of this node: for its own routes, and for those of the other workers of a supervised server. */
export function reporterOf(ports: ApiPorts): (name: ReportName) => Promise<unknown> {
  const reports: Record<ReportName, () => Promise<unknown>> = {
    health: async () => healthReport(ports),
    ready: () => readyReport(ports),
    stats: () => statsReport(ports),
    metrics: () => ports.metrics.json(),
  };
  return (name) => reports[name]();
}

export const healthReport = ({ local, isDraining }: ApiPorts): HealthReport => ({
  is_running: !isDraining(),
  websocket_count: local.size,
});

export async function readyReport({
  backplane,
  probe,
  isDraining,
  overload,
}: ApiPorts): Promise<ReadyReport> {
  const reasons = isDraining() ? ["draining"] : [];
  if (overload?.refusal !== undefined) reasons.push(`new connections are refused: ${overload.refusal}`);
  try {
    await probe();
  } catch (thrown) {
    reasons.push(`${backplane.name} backplane: ${toTidingsError(thrown).message}`);
  }
  return { reasons, degraded: backplane.health.degraded };
}

export async function statsReport(ports: ApiPorts): Promise<StatsReport> {
  const { backplane, inbound, isDraining, local, metrics, node, startedAt } = ports;
  return {
    node,
    uptimeSeconds: (performance.now() - startedAt) / 1_000,
    draining: isDraining(),
    connections: local.size,
    cluster: await backplane.presence.count().catch(() => null),
    pending: local.pending(),
    waiting: inbound.waiting,
    ...metrics.totals,
    memory: processMemory(),
    loopDelay: metrics.loopDelay,
  };
}
