import { getHeapStatistics } from "node:v8";

/** The size that was read last: a process has one memory. */
let resident = 0;

/**
 * Resident memory of this process, in bytes. On Linux Node reads it from a file, which fails while the process has no file handle left.
 * Then it is the size that was read last (0 before the first): a figure must not end a server that its clients have filled.
 */
export function residentBytes(): number {
  try {
    resident = process.memoryUsage.rss();
  } catch {
    // The next one may succeed.
  }
  return resident;
}

/** Memory of this process, in bytes. Unlike `process.memoryUsage`, it never throws. */
export const processMemory = (): { readonly rss: number; readonly heapUsed: number } => ({
  rss: residentBytes(),
  heapUsed: getHeapStatistics().used_heap_size,
});
