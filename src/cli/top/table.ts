import { inColumn, safeText } from "./text.ts";

/** A column of a table on the screen. */
export interface Column<Row> {
  readonly title: string;
  readonly width: number;
  /** Columns of a higher rank are left out first on a narrow screen. */
  readonly rank: number;
  /** @default right */
  readonly align?: "left" | "right";
  readonly cell: (row: Row) => string;
}

/** Least width of the first column. */
const MIN_FIRST = 8;

/**
 * Lays a table out on a width: the first column takes what the others leave, and those that do not fit are left out.
 * @returns the header, and a line for each row, each exactly as wide as the screen
 */
export function layTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): { header: string; lines: string[] } {
  const [first, ...others] = columns;
  if (first === undefined) return { header: "", lines: rows.map(() => "") };
  const shown = new Set<Column<Row>>();
  let left = width - Math.min(first.width, Math.max(MIN_FIRST, width));
  for (const column of [...others].sort((one, other) => one.rank - other.rank)) {
    if (column.width + 1 > left) continue;
    shown.add(column);
    left -= column.width + 1;
  }
  const rest = others.filter((column) => shown.has(column));
  const firstWidth = width - rest.reduce((sum, column) => sum + column.width + 1, 0);
  const line = (textOf: (column: Column<Row>) => string): string =>
    [
      inColumn(textOf(first), firstWidth),
      ...rest.map((column) => inColumn(textOf(column), column.width, column.align ?? "right")),
    ].join(" ");
  return {
    header: line(({ title }) => title),
    lines: rows.map((row) => line(({ cell }) => safeText(cell(row)))),
  };
}
