import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describeTestMachine, fileLimit } from "../../src/loadtest/measure/machine.ts";

/** The machine on which figures were measured. Figures mean nothing without it. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  node: string;
  bun: string;
  /** Absent in older results, and where it is not installed. */
  redis?: string;
  fileLimit: number;
}

export function describeMachine(): Machine {
  const bun = fileURLToPath(new URL("../../node_modules/.bin/bun", import.meta.url));
  const { system: kernel, ...machine } = describeTestMachine();
  return {
    ...machine,
    kernel,
    bun: execFileSync(bun, ["--version"], { encoding: "utf8" }).trim(),
    redis: redisVersion(),
    fileLimit: fileLimit() ?? Number.MAX_SAFE_INTEGER,
  };
}

function redisVersion(): string | undefined {
  try {
    return /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1];
  } catch {
    return undefined; // only the bench of the cluster needs it
  }
}

/**
 * Begins to count the CPU time that the host of a virtual machine gives to others while something here wants to run
 * ("steal" in proc_stat(5)).
 * @returns its share of all CPU time since then, in percent; 0 where none is taken
 */
export function startStolenMeter(): () => number {
  const before = cpuTimes();
  return () => {
    const after = cpuTimes();
    return (100 * (after.stolen - before.stolen)) / Math.max(1, after.all - before.all);
  };
}

/**
 * Begins to count the time in which the main thread could run and waits for a processor (`schedstat` of Linux): other programs
 * have them all. A latency with much of it says nothing about the program.
 * @returns its share of the time since then, in percent; 0 where the system does not tell
 */
export function startWaitMeter(): () => number {
  const [start, before] = [performance.now(), waitedMs()];
  return () => (100 * (waitedMs() - before)) / (performance.now() - start);
}

function waitedMs(): number {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

/** CPU time of all cores since the start of the machine, in ticks. */
function cpuTimes(): { all: number; stolen: number } {
  // user nice system idle iowait irq softirq steal; what follows is counted in the first two already
  const times = /^cpu +(.*)/
    .exec(readFileSync("/proc/stat", "utf8"))?.[1]
    ?.split(" ")
    .slice(0, 8)
    .map(Number);
  return { all: times?.reduce((sum, time) => sum + time, 0) ?? 0, stolen: times?.[7] ?? 0 };
}
