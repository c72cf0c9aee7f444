import { formatProgress, type Progress } from "../../../loadtest/loadtest.ts";

/** Between two lines where output is kept. */
const LINE_MS = 5_000;

/** Shows how a run stands, on standard error: one line that is overwritten on a terminal, a line now and then elsewhere. */
export class Screen {
  readonly everyMs = process.stderr.isTTY ? 500 : 1_000;
  #lastMs = Number.NEGATIVE_INFINITY;
  #phase = "";

  show(scenario: string, progress: Progress): void {
    const line = formatProgress(scenario, progress);
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
      return;
    }
    const isNew = progress.phase !== this.#phase;
    if (!isNew && performance.now() - this.#lastMs < LINE_MS) return;
    this.#phase = progress.phase;
    this.#lastMs = performance.now();
    process.stderr.write(`${line}\n`);
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }
}
