import { constants, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { collectGarbage } from "../rig/rig.ts";

/** Memory of the process, in bytes. */
export interface Memory {
  /** Live objects of V8. */
  readonly heap: number;
  /** Memory outside of the heap that V8 knows of: buffers and objects of C++. */
  readonly external: number;
  /** Resident memory after a collection, with the pages that V8 keeps in reserve: what an operator sees. */
  readonly rss: number;
  /** Resident memory when free pages are given back. */
  readonly rssReleased: number;
}

/** Collects garbage and reads the memory. Collects more than once: finalizers run in between. */
export async function readMemory(): Promise<Memory> {
  for (let pass = 0; pass < 2; pass++) {
    collectGarbage(false);
    await sleep(50);
  }
  const { heapUsed: heap, external, rss } = process.memoryUsage();
  collectGarbage(true);
  await sleep(100); // V8 gives pages back a little later
  return { heap, external, rss, rssReleased: process.memoryUsage.rss() };
}

/** Differences, for each of so many connections. */
export const memoryBetween = (before: Memory, after: Memory, connections: number): Memory => {
  const each = (name: keyof Memory): number => (after[name] - before[name]) / connections;
  return {
    heap: each("heap"),
    external: each("external"),
    rss: each("rss"),
    rssReleased: each("rssReleased"),
  };
};

/** What a stretch of time cost. */
export interface Spent {
  readonly ms: number;
  /** User and system, all threads of the process: V8 collects garbage in threads of its own. */
  readonly cpuMs: number;
  /** Delay of the event loop. */
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Stops of the program by the garbage collector. */
  readonly gc: { readonly count: number; readonly totalMs: number; readonly longestMs: number };
}

/** Interval of the samples of the delay. */
const RESOLUTION_MS = 1;

const GC_KINDS: ReadonlySet<number> = new Set([
  constants.NODE_PERFORMANCE_GC_MAJOR,
  constants.NODE_PERFORMANCE_GC_MINOR,
  constants.NODE_PERFORMANCE_GC_INCREMENTAL,
]);

/** Measures a stretch of time. @returns a function that ends it */
export function startMeter(): () => Promise<Spent> {
  const gc = { count: 0, totalMs: 0, longestMs: 0 };
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { duration, detail } = entry as unknown as { duration: number; detail: { kind: number } }; // entries of `gc` have it
      if (!GC_KINDS.has(detail.kind)) continue;
      gc.count++;
      gc.totalMs += duration;
      gc.longestMs = Math.max(gc.longestMs, duration);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const startedAt = performance.now();
  const before = process.cpuUsage();
  return async () => {
    const { user, system } = process.cpuUsage(before);
    const ms = performance.now() - startedAt;
    // The turn that has just ended is a sample, too.
    await sleep(2 * RESOLUTION_MS);
    delay.disable();
    observer.disconnect();
    const lateness = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
    const delayMs = {
      p50: lateness(delay.percentile(50)),
      p99: lateness(delay.percentile(99)),
      max: delay.count === 0 ? 0 : lateness(delay.max),
    };
    return { ms, cpuMs: (user + system) / 1e3, delayMs, gc };
  };
}
