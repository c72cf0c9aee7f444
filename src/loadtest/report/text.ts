import type { ScenarioResult } from "../result.ts";
import {
  countsOf,
  describePlan,
  serverNotes,
  serverOf,
  type Table,
  testerNote,
  timingsOf,
} from "./tables.ts";

/** The result of a scenario for a terminal. */
export function formatResult(result: ScenarioResult): string {
  const { scenario, interrupted, faults, hints, servers } = result;
  const blocks = [
    `${scenario}: ${describePlan(result)}${interrupted ? " (interrupted)" : ""}`,
    format(countsOf(result)),
    format(timingsOf(result)),
    ...servers
      .filter(({ problem }) => problem === undefined)
      .map((server) =>
        [
          `  server ${server.url}`,
          format(serverOf(server)),
          ...serverNotes(server, result).map(indented),
        ].join("\n"),
      ),
    indented(testerNote(result)),
    ...hints.map((hint) => indented(`note: ${hint}`)),
    faults.length === 0 ? indented("passed") : indented(`FAILED: ${faults.join("; ")}`),
  ];
  return `${blocks.filter((block) => block !== "").join("\n")}\n`;
}

/** Control characters of a server's words do not reach the terminal. */
const indented = (text: string): string => `  ${text.replaceAll(/\p{Cc}/gu, " ")}`;

/** Columns as wide as their widest cell. */
function format({ header, rows }: Table): string {
  if (rows.length === 0) return "";
  const lines = (header.every((cell) => cell === "") ? rows : [header, ...rows]).map((line) =>
    line.map((cell) => cell.replaceAll(/\p{Cc}/gu, " ")),
  );
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      indented(
        line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd(),
      ),
    )
    .join("\n");
}
