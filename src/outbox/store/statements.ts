import { MOST_DATA_BYTES } from "../row.ts";
import { TABLE } from "../schema.ts";
import { MOST_ROWS } from "./port.ts";

/** Data of one read. The first row may be larger. */
const MOST_BYTES = 4_194_304;

/**
 * Makes the query for the first rows that wait. Rows that are published are deleted, so it begins at the first row each time: one that is
 * committed later than its followers is not passed over.
 * @param data expression for the data as text
 * @param leftOut condition that holds for channels to leave out
 */
export const selectRows = (data: string, leftOut: string): string => `
  SELECT CAST(id AS text) AS id, key, channel, type, sender, size,
    CASE WHEN size <= ${MOST_DATA_BYTES} THEN data END AS data
  FROM (
    SELECT *, sum(size) OVER (ORDER BY id) - size AS bytes_before
    FROM (
      SELECT id, key, channel, type, sender, ${data} AS data, coalesce(octet_length(${data}), 0) AS size
      FROM ${TABLE} WHERE failed_at IS NULL AND NOT (${leftOut}) ORDER BY id LIMIT ${MOST_ROWS}
    ) AS first_rows
  ) AS sized
  WHERE bytes_before < ${MOST_BYTES}
  ORDER BY sized.id`;
