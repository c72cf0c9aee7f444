import { readFileSync } from "node:fs";
import { arch, cpus, release, totalmem, type } from "node:os";

/** The machine that the tester ran on. */
export interface TestMachine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
}

/** The machine that this process runs on. Figures mean nothing without it. */
export const describeTestMachine = (): TestMachine => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  system: `${type()} ${release()} ${arch()}`,
  node: process.versions.node,
});

/** The most files that a process may have open; undefined where the system does not tell. Node raises its soft limit to the hard one. */
export function fileLimit(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined; // not Linux
  }
}
