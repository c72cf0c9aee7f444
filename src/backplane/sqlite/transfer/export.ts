import type { DatabaseSync } from "node:sqlite";
import { assertKnown, type Row, readFile, reading } from "../file/file.ts";

/** Version of the lines. */
export const FORMAT = 1;

/** Parts of an export, in their order: a message comes after its channel. */
const PARTS: readonly { readonly sql: string; readonly line: (row: Row) => string }[] = [
  {
    sql: `WITH ends AS MATERIALIZED (SELECT channel, max(offset) AS last FROM unsettled GROUP BY channel)
      SELECT name AS channel, epoch, lost_at AS lostAt, max(channels.last, ifnull(ends.last, 0),
        ifnull((SELECT max(offset) FROM messages WHERE messages.history = channels.history), 0)) AS last
      FROM channels LEFT JOIN ends ON ends.channel = id ORDER BY id`,
    line: lineOf("channel"),
  },
  {
    sql: `SELECT channels.id AS number, name AS channel, offset, messages.id AS id, type, sender AS "from", timestamp, audience, body
      FROM channels JOIN messages ON messages.history = channels.history
      UNION ALL SELECT channel, name, offset, id, type, sender, timestamp, audience, body FROM unsettled
      ORDER BY number, offset`,
    line: messageLine,
  },
  {
    sql: `SELECT name AS channel, user, device, cursors.epoch AS epoch, offset
      FROM channels JOIN cursors ON channel = channels.id ORDER BY moved`,
    line: lineOf("cursor"),
  },
  { sql: `SELECT "group", user FROM memberships ORDER BY place`, line: lineOf("membership") },
  { sql: "SELECT user, ends_at AS endsAt FROM blocks", line: lineOf("block") },
  { sql: "SELECT name, value FROM settings", line: lineOf("setting") },
  {
    sql: "SELECT key, id, timestamp, epoch, offset, receipt, expires_at AS expiresAt FROM keys",
    line: lineOf("key"),
  },
];

/**
 * Writes the data of a directory as JSON lines: one state, also while a server uses the directory. The first line names the format,
 * and the last one counts the lines between.
 * @throws TidingsError `not_found` without a file
 */
export function* exportData(directory: string): Generator<string> {
  const db = readFile(directory);
  try {
    yield* linesOf(db, directory);
  } finally {
    db.close();
  }
}

function* linesOf(db: DatabaseSync, directory: string): Generator<string> {
  reading(() => db.exec("BEGIN"));
  assertKnown(db, directory);
  const epoch = db.prepare("SELECT value FROM meta WHERE name = 'epoch'").get()?.value;
  yield JSON.stringify({ kind: "tidings", format: FORMAT, epoch, at: new Date().toISOString() });
  let lines = 0;
  for (const { sql, line } of PARTS) {
    for (const row of rowsOf(db, sql)) {
      lines++;
      yield line(row);
    }
  }
  yield JSON.stringify({ kind: "end", lines });
}

function rowsOf(db: DatabaseSync, sql: string): Iterable<Row> {
  return reading(() => db.prepare(sql).iterate());
}

/** A line without the columns that have no value. */
function lineOf(kind: string): (row: Row) => string {
  return (row) => JSON.stringify({ kind, ...row }, (_, value: unknown) => value ?? undefined);
}

/** The data is written as it came, in the last field: numbers keep all their digits. */
function messageLine({ number: _, body, audience, ...fields }: Row): string {
  const further: unknown = audience === null ? {} : JSON.parse(String(audience));
  const start = lineOf("message")({ ...fields, ...(further as object) });
  // Line breaks can only stand between tokens.
  return `${start.slice(0, -1)}${DATA}${String(body).replaceAll("\n", " ")}}`;
}

/** Where the data of a message begins: no text in JSON contains it, because quotation marks are escaped there. */
export const DATA = ',"data":';
