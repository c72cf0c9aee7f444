import type { DatabaseSync } from "node:sqlite";

/** A row as an object of columns. */
export type Row = Record<string, unknown>;

/** Reads one number of a statement without parameters. */
export function numberOf(db: DatabaseSync, sql: string): number {
  const [value] = Object.values(db.prepare(sql).get() ?? {});
  return Number(value ?? 0);
}
