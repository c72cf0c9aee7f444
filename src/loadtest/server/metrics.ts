/** Figures of a server process at one time. What its metrics do not expose is undefined. */
export interface ServerFigures {
  readonly cpuSeconds?: number | undefined;
  readonly rssBytes?: number | undefined;
  readonly heapBytes?: number | undefined;
  /** Open files and sockets. */
  readonly fileHandles?: number | undefined;
  /** Handles of the event loop: sockets, timers, servers. */
  readonly handles?: number | undefined;
  readonly gcSeconds?: number | undefined;
  readonly gcCount?: number | undefined;
  readonly loopDelaySeconds?: number | undefined;
  readonly connections?: number | undefined;
  /** Messages that a connection's full queue made the server drop. */
  readonly dropped?: number | undefined;
}

/** Names under which a figure may stand; the first that is there counts. Those of prom-client, which other servers use too, and our own. */
const NAMES: Readonly<Record<keyof ServerFigures, readonly string[]>> = {
  cpuSeconds: ["process_cpu_seconds_total"],
  rssBytes: ["process_resident_memory_bytes"],
  heapBytes: ["nodejs_heap_size_used_bytes", "go_memstats_heap_inuse_bytes"],
  fileHandles: ["process_open_fds"],
  handles: ["tidings_handles", "nodejs_active_handles_total", "nodejs_active_resources_total"],
  gcSeconds: ["tidings_gc_seconds_sum", "nodejs_gc_duration_seconds_sum", "go_gc_duration_seconds_sum"],
  gcCount: ["tidings_gc_seconds_count", "nodejs_gc_duration_seconds_count", "go_gc_duration_seconds_count"],
  loopDelaySeconds: ["nodejs_eventloop_lag_p99_seconds"],
  connections: ["tidings_connections"],
  dropped: ["tidings_dropped_total"],
};

/** Reads the figures from a page of metrics in Prometheus' text format. Series of one name are added up. */
export function readFigures(page: string): ServerFigures {
  const sums = new Map<string, number>();
  for (const line of page.split("\n")) {
    const [, name, value] = /^([a-zA-Z_:][\w:]*)(?:\{.*\})?\s+(\S+)/.exec(line) ?? [];
    const number = Number(value);
    if (name !== undefined && Number.isFinite(number)) sums.set(name, (sums.get(name) ?? 0) + number);
  }
  const entries = Object.entries(NAMES).map(([figure, names]) => {
    const name = names.find((each) => sums.has(each));
    return [figure, name === undefined ? undefined : sums.get(name)];
  });
  return Object.fromEntries(entries);
}
