import type { Machine } from "../measure/machine.ts";
import type { Summary } from "../measure/statistics.ts";
import { FIGURES, type FigureName, type Row, type Scenario } from "../scenario.ts";
import { titleOf } from "../titles.ts";
import type { Verdict } from "./targets.ts";

/** Everything that a run found out: the shape of results/latest.json. */
export interface Results {
  date: string;
  scale: string;
  rounds: number;
  machine: Machine;
  rows: Row[];
  verdicts: Verdict[];
}

/** Three significant digits, with M and k for the large ones. */
export function formatNumber(value: number): string {
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (Math.abs(value) >= 1e4) return `${(value / 1e3).toPrecision(3)} k`;
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

/** The table of one scenario. The spread of the rounds follows each median in brackets. */
export function formatScenario(
  { name, title }: Pick<Scenario, "name" | "title">,
  rows: readonly Row[],
): string {
  const own = rows.filter((row) => row.scenario === name);
  const columns = (Object.keys(FIGURES) as FigureName[]).filter((figure) =>
    own.some((row) => row.figures[figure]),
  );
  const lines = own.map((row) => [
    row.case,
    titleOf(row.contender),
    ...columns.map((figure) => formatSummary(row.figures[figure])),
  ]);
  return `${title}\n${formatTable([["", "", ...columns.map((figure) => FIGURES[figure])], ...lines])}\n`;
}

function formatSummary(summary: Summary | undefined): string {
  if (summary === undefined) return "";
  const { median, low, high } = summary;
  return low === high
    ? formatNumber(median)
    : `${formatNumber(median)} [${formatNumber(low)}–${formatNumber(high)}]`;
}

export const formatMachine = ({ cpu, cores, kernel, node, bun, redis }: Machine): string =>
  `${cpu}, ${cores} cores, ${kernel}, Node ${node}, Bun ${bun}${redis === undefined ? "" : `, Redis ${redis}`}`;

/** One line on a terminal that is overwritten; nothing where output is kept. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** One line for each promise. What the run did not measure is left out. */
export function formatVerdicts(verdicts: readonly Verdict[]): string {
  const lines = verdicts
    .filter(({ measured }) => !Number.isNaN(measured))
    .map(({ pass, promise, measured, bound, limit }) => [
      pass ? "PASS" : "FAIL",
      promise,
      formatNumber(measured),
      `(${bound} ${formatNumber(limit)})`,
    ]);
  return formatTable(lines);
}

export function formatTable(lines: readonly string[][]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd())
    .join("\n");
}
