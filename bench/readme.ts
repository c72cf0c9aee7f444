/**
 * Writes the figures of results/latest.json into the table of the README, and those of results/cluster.json into
 * docs/CLUSTER.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { clusterTables } from "./cluster/tables.ts";
import type { Results } from "./report/tables.ts";
import { CONTENDERS } from "./rig/rig.ts";

/** A page with tables made of results, between two marks. */
interface Page {
  name: string;
  file: URL;
  results: URL;
  tablesOf: (results: Results) => string;
}

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

/** The table that the README shows of these results. */
function readmeTable({ date, machine, rows }: Results): string {
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
  return `${lines.join("\n")}\n\n${about}`;
}

const page = (name: string, results: string, tablesOf: Page["tablesOf"]): Page => ({
  name,
  file: new URL(`../${name}`, import.meta.url),
  results: new URL(results, import.meta.url),
  tablesOf,
});

export const PAGES: readonly Page[] = [
  page("README.md", "results/latest.json", readmeTable),
  page("docs/CLUSTER.md", "results/cluster.json", clusterTables),
];

/** A page as it is, and as the results want it. */
export function comparePage({ file, results, tablesOf }: Page): { actual: string; expected: string } {
  const actual = readFileSync(file, "utf8");
  const tables = tablesOf(JSON.parse(readFileSync(results, "utf8")) as Results); // written by the bench
  return { actual, expected: actual.replace(TABLE, (_, start, end) => `${start}\n${tables}\n\n${end}`) };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  for (const each of PAGES) writeFileSync(each.file, comparePage(each).expected);
