/** Writes the figures of results/latest.json into the table of the README. */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { CONTENDERS } from "./contenders.ts";
import type { Results } from "./report.ts";

const README = new URL("../README.md", import.meta.url);
const RESULTS = new URL("results/latest.json", import.meta.url);
const TABLE = /(<!-- bench:start -->\n)[\s\S]*(<!-- bench:end -->)/;

const COLUMNS = [
  { title: "1 message per tick", scenario: "fanout", case: "1000 × 1/tick", figure: "cpuUs", unit: "µs" },
  { title: "10 per tick", scenario: "fanout", case: "1000 × 10/tick", figure: "cpuUs", unit: "µs" },
  { title: "100 per tick", scenario: "fanout", case: "1000 × 100/tick", figure: "cpuUs", unit: "µs" },
  {
    title: "idle connection",
    scenario: "idle",
    case: "10000 connections",
    figure: "kibPerConnection",
    unit: "KiB",
  },
] as const;

/** The README with the table of these results. */
export function withFigures(
  readme: string,
  { date, machine, rows }: Pick<Results, "date" | "machine" | "rows">,
): string {
  const cell = (contender: string, column: (typeof COLUMNS)[number]): string => {
    const row = rows.find(
      (each) =>
        each.contender === contender && each.scenario === column.scenario && each.case === column.case,
    );
    const median = row?.figures[column.figure]?.median;
    return median === undefined ? "" : `${Number(median.toPrecision(2))} ${column.unit}`;
  };
  const lines = [
    `| | ${COLUMNS.map(({ title }) => title).join(" | ")} |`,
    `| --- |${" --- |".repeat(COLUMNS.length)}`,
    ...CONTENDERS.map(
      ({ name, title }) => `| ${title} | ${COLUMNS.map((column) => cell(name, column)).join(" | ")} |`,
    ),
  ];
  const { cpu, cores, kernel, node, bun } = machine;
  const about = `${date.slice(0, 10)}, ${cpu}, ${cores} cores, ${kernel}, Node ${node}, Bun ${bun}.`;
  return readme.replace(TABLE, (_, start, end) => `${start}\n${lines.join("\n")}\n\n${about}\n\n${end}`);
}

/** The README as it is, and as the results want it. */
export function compareReadme(): { actual: string; expected: string } {
  const actual = readFileSync(README, "utf8");
  return { actual, expected: withFigures(actual, JSON.parse(readFileSync(RESULTS, "utf8"))) };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  writeFileSync(README, compareReadme().expected);
