import type { ComponentChildren, VNode } from "preact";

/** Rows that are drawn. */
const SHOWN = 100;

/** A column. The first one of a table names its row. */
export interface Column<Row> {
  readonly name: string;
  /** Explains the name. */
  readonly title?: string;
  /** Undefined is shown as a dash. */
  readonly cell: (row: Row) => ComponentChildren;
}

interface Props<Row> {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string | number;
  /** Said in place of rows. */
  readonly empty: string;
}

/** A table of the Frames panel. It draws the first rows, and tells how many more there are. */
export function FrameTable<Row>({ rows, columns, keyOf, empty }: Props<Row>): VNode {
  return (
    <div class="frame-table">
      <table>
        <thead>
          <tr>
            {columns.map(({ name, title }) => (
              <th key={name} scope="col" title={title}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, SHOWN).map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ name, cell }, index) =>
                index === 0 ? (
                  <th key={name} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={name}>{cell(row) ?? "–"}</td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="hint">{empty}</p>}
      {rows.length > SHOWN && <p class="hint">{rows.length - SHOWN} more are not shown.</p>}
    </div>
  );
}
