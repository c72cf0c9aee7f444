import type { ComponentChildren, VNode } from "preact";

export interface Column<Row> {
  /** Empty above buttons and links that say what they are. */
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand at the right. @default false */
  readonly isNumber?: boolean;
}

interface Props<Row> {
  /** What the table is, for screen readers. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Stands there without rows. */
  readonly empty: string;
}

/** A table that scrolls sideways where it is too wide. The first column names the row. */
export function Table<Row>({ label, columns, rows, keyOf, empty }: Props<Row>): VNode {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls what scrolls
    <section class="table-scroll" aria-label={label} tabIndex={0}>
      <table class="data">
        <thead>
          <tr>
            {columns.map(({ title, isNumber }) =>
              title === "" ? (
                <td key={title} />
              ) : (
                <th key={title} scope="col" class={isNumber ? "number" : undefined}>
                  {title}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, cell, isNumber }, index) =>
                index === 0 ? (
                  <th key={title} scope="row" class={isNumber ? "number" : undefined}>
                    {cell(row)}
                  </th>
                ) : (
                  <td key={title} class={isNumber ? "number" : undefined}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
