import { setTimeout as sleep } from "node:timers/promises";
import { startWaitMeter } from "../measure/machine.ts";
import { percentile } from "../measure/statistics.ts";
import { judge } from "../report/promise.ts";
import { messageOf, openStore } from "./store.ts";

const USERS = 1_000;

/** The promise: the slowest of a hundred publishes, in milliseconds. */
const MOST_P99_MS = 10;

export interface LatencyOptions {
  /** Publishes a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly print: (text: string) => void;
}

/** Publishes at a steady rate, whatever the store does: a publish that is late counts from when it was due. */
export async function measureLatency(
  directory: string,
  { rate, seconds, print }: LatencyOptions,
): Promise<void> {
  const { broker, stop } = await openStore(directory);
  const latencies = new Float64Array(rate * seconds);
  // No list of promises: the collector would move hundreds of thousands of them, in the same turns that are measured.
  const { promise: allStored, resolve, reject } = Promise.withResolvers<void>();
  let left = latencies.length;
  const waited = startWaitMeter();
  const start = performance.now();
  let longest = 0;
  let last = start;
  for (let sent = 0; sent < latencies.length; ) {
    await sleep(1);
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    const due = Math.min(latencies.length, Math.floor(((now - start) * rate) / 1_000));
    for (; sent < due; sent++) {
      const number = sent;
      const dueAt = start + (number * 1_000) / rate;
      broker.append(messageOf(number, USERS)).then(() => {
        latencies[number] = performance.now() - dueAt;
        if (--left === 0) resolve();
      }, reject);
    }
  }
  await allStored;
  const waiting = waited();
  const sorted = latencies.sort();
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => percentile(sorted, share).toFixed(2));
  const most = percentile(sorted, 1).toFixed(1);
  print(`${rate}/s for ${seconds} s: p50 ${p50} ms, p99 ${p99} ms, p99.9 ${p999} ms, most ${most} ms`);
  print(
    `longest turn of the event loop: ${longest.toFixed(1)} ms; waited for a processor: ${waiting.toFixed(0)} % of the time`,
  );
  judge(percentile(sorted, 0.99) <= MOST_P99_MS, `p99 of at most ${MOST_P99_MS} ms`);
  await stop();
}
