import type { DeletedRecord, EditedRecord, LogRecord } from "../record.ts";
import { searchableText, storableText } from "./searchable.ts";
import { MESSAGES, OUTCOMES, type Table, type Value } from "./tables.ts";

/** Data of a message whose data is gone. */
const NONE = "null";

/** Condition that a message was changed. @param id SQL for the id of the message */
const hasChange = (id: string): string =>
  `EXISTS (SELECT 1 FROM ${OUTCOMES.name} o WHERE o.message = ${id} AND o.kind IN ('edited', 'deleted'))`;

/**
 * SQL for the data or the text of a message that is inserted. The record of its change may have come first, from another node: then the
 * data is out of date, and is left out.
 */
export const unlessChanged = (id: string, value: string): string =>
  `CASE WHEN ${hasChange(id)} THEN '${NONE}' ELSE ${value} END`;

/** True for a column with the data of a message. */
export const isData = (table: Table, column: string): boolean =>
  table === MESSAGES && (column === "data" || column === "search");

export const isChange = (record: LogRecord): record is EditedRecord | DeletedRecord =>
  record.kind === "edited" || record.kind === "deleted";

/** Brings the data of a logged message up to date, unless it has a later change already. @param at placeholder by its number */
export const applyChange = (at: (number: number) => string): string =>
  `UPDATE ${MESSAGES.name} SET data = ${at(1)}, search = ${at(2)} WHERE id = ${at(3)} AND NOT EXISTS ` +
  `(SELECT 1 FROM ${OUTCOMES.name} o WHERE o.message = ${at(3)} AND o.kind IN ('edited', 'deleted') ` +
  `AND o.message_offset > ${at(4)})`;

/** Values for {@link applyChange}. */
export function changeValues(record: EditedRecord | DeletedRecord): Value[] {
  const data = record.kind === "edited" ? storableText(record.data) : NONE;
  const search = searchableText(data);
  return [data, search === data ? null : search, storableText(record.message), record.offset];
}
