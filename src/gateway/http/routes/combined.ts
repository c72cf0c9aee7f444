import type { Degradation } from "../../../backplane/backplane.ts";
import { answeringIn, type Collected } from "../../workers.ts";
import type { HealthReport, ReadyReport, StatsReport } from "./reports.ts";

/** Reports of workers that answered. A worker of the same version wrote them, so their form is known. */
const reportsIn = <Report>({ answered }: Collected): { node: string; report: Report }[] =>
  answered.map(({ node, report }) => ({ node, report: report as Report }));

const sum = <Report>(reports: readonly Report[], of: (report: Report) => number): number =>
  reports.reduce((total, report) => total + of(report), 0);

/** One answer of all workers about liveness. */
export function combineHealth(collected: Collected): HealthReport {
  const reports = reportsIn<HealthReport>(collected).map(({ report }) => report);
  return {
    is_running: reports.some(({ is_running }) => is_running),
    websocket_count: sum(reports, ({ websocket_count }) => websocket_count),
  };
}

/** One answer of all workers about readiness: ready while any of them is. The rest is degraded. */
export function combineReady(collected: Collected): ReadyReport {
  const reports = reportsIn<ReadyReport>(collected);
  const degraded = mergeDegraded(reports.flatMap(({ report }) => report.degraded));
  const notReady = reports.filter(({ report }) => report.reasons.length > 0);
  const problems = [
    ...collected.silent.map(({ node }) => `${node} does not answer`),
    ...notReady.map(({ node, report }) => `${node} is not ready: ${report.reasons.join(", ")}`),
  ];
  if (notReady.length === reports.length) {
    const reasons = reports.flatMap(({ report }) => report.reasons);
    const silent = collected.silent.map(({ node }) => `worker ${node} does not answer`);
    return { reasons: [...new Set(reasons), ...silent], degraded };
  }
  if (problems.length === 0) return { reasons: [], degraded };
  const since = Math.min(Date.now(), ...collected.silent.map(({ since }) => since));
  return { reasons: [], degraded: [...degraded, { what: "workers", why: problems.join(". "), since }] };
}

/** A part that is degraded on several workers is one entry, since the first of them. */
function mergeDegraded(all: readonly Degradation[]): Degradation[] {
  const merged = [...Map.groupBy(all, ({ what }) => what)].map(([what, some]) => ({
    what,
    why: [...new Set(some.map(({ why }) => why))].join("; "),
    since: Math.min(...some.map(({ since }) => since)),
  }));
  return merged.sort((one, other) => one.since - other.since);
}

/** One answer of all workers about their statistics: sums, but for delays, of which the longest counts. */
export function combineStats(node: string, collected: Collected): StatsReport & { workers: unknown } {
  const reports = reportsIn<StatsReport>(collected).map(({ report }) => report);
  const total = (of: (report: StatsReport) => number): number => sum(reports, of);
  const most = (of: (report: StatsReport) => number): number => Math.max(0, ...reports.map(of));
  return {
    node,
    uptimeSeconds: most(({ uptimeSeconds }) => uptimeSeconds),
    draining: reports.every(({ draining }) => draining),
    connections: total(({ connections }) => connections),
    cluster: reports.find(({ cluster }) => cluster !== null)?.cluster ?? null,
    pending: {
      messages: total(({ pending }) => pending.messages),
      bytes: total(({ pending }) => pending.bytes),
    },
    waiting: total(({ waiting }) => waiting),
    published: {
      stored: total(({ published }) => published.stored),
      ephemeral: total(({ published }) => published.ephemeral),
    },
    publishErrors: total(({ publishErrors }) => publishErrors),
    delivered: total(({ delivered }) => delivered),
    dropped: total(({ dropped }) => dropped),
    memory: {
      rss: total(({ memory }) => memory.rss),
      heapUsed: total(({ memory }) => memory.heapUsed),
    },
    loopDelay: {
      p50: most(({ loopDelay }) => loopDelay.p50),
      p90: most(({ loopDelay }) => loopDelay.p90),
      p99: most(({ loopDelay }) => loopDelay.p99),
      max: most(({ loopDelay }) => loopDelay.max),
    },
    workers: answeringIn(collected),
  };
}
