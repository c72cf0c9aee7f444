import type { DatabaseSync } from "node:sqlite";
import { assertKnown, causeOf, numberOf, type Row, readFile } from "../file/file.ts";

/** Result of a check. */
export interface Checked {
  readonly channels: number;
  readonly messages: number;
  /** One sentence each; empty for a file that is as it should be. */
  readonly problems: readonly string[];
}

/** Problems of a kind that are listed one by one. */
const LISTED = 20;

interface Invariant {
  readonly sql: string;
  readonly problem: (row: Row) => string;
}

/** All messages, also those that have not moved to their channel. */
const ALL = `SELECT history, offset, size, total FROM messages
  UNION ALL SELECT history, offset, size, total FROM unsettled`;

/** Queries that list the rows which break a rule of the file. SQLite itself guarantees the other rules. */
const INVARIANTS: readonly Invariant[] = [
  {
    sql: `SELECT history, min(offset) AS low, max(offset) AS high, count(*) AS rows FROM (${ALL})
      GROUP BY history HAVING rows <> high - low + 1 OR low < 1`,
    problem: ({ history, low, high, rows }) =>
      `history ${history}: offsets ${low} to ${high} have ${rows} messages, so there is a hole or a repeat`,
  },
  {
    sql: `SELECT history, offset FROM (SELECT history, offset, total - size AS start,
        lag(total - ifnull(bytes, 0)) OVER (PARTITION BY history ORDER BY offset) AS before
        FROM (${ALL}) LEFT JOIN growths USING (history, offset))
      WHERE before IS NOT NULL AND before <> start`,
    problem: ({ history, offset }) => `history ${history}: the sizes up to offset ${offset} do not add up`,
  },
  {
    sql: "SELECT history, count(*) AS channels FROM channels GROUP BY history HAVING channels > 1",
    problem: ({ history, channels }) => `history ${history} belongs to ${channels} channels`,
  },
  {
    sql: `SELECT DISTINCT history FROM messages WHERE history NOT IN (SELECT history FROM channels)
      AND history NOT IN (SELECT history FROM lost_histories)`,
    problem: ({ history }) => `history ${history} has messages and belongs to no channel`,
  },
  {
    sql: `WITH ends AS MATERIALIZED (SELECT channel, max(offset) AS last FROM unsettled GROUP BY channel)
      SELECT name, user, device, cursors.offset AS offset
      FROM cursors JOIN channels ON channels.id = cursors.channel LEFT JOIN ends ON ends.channel = channels.id
      WHERE cursors.epoch = channels.epoch AND cursors.offset >
        max(channels.last, ifnull(ends.last, 0),
          ifnull((SELECT max(offset) FROM messages WHERE messages.history = channels.history), 0))`,
    problem: ({ name, user, device, offset }) =>
      `${name}: the cursor of ${user} on ${device} is at offset ${offset}, beyond the last message`,
  },
  {
    sql: "SELECT DISTINCT channel FROM cursors WHERE channel NOT IN (SELECT id FROM channels)",
    problem: ({ channel }) => `channel ${channel} has cursors and does not exist`,
  },
  {
    sql: `SELECT "group", members FROM member_counts
      WHERE members <> (SELECT count(*) FROM memberships WHERE memberships."group" = member_counts."group")`,
    problem: ({ group, members }) => `group ${group} counts ${members} members and has others`,
  },
];

/**
 * Checks the file of a data directory, also while a server uses it.
 * @throws TidingsError `not_found` without a file, `conflict` for a file of a newer version
 */
export function checkData(directory: string): Checked {
  const db = readFile(directory);
  try {
    db.exec("BEGIN");
    assertKnown(db, directory);
    const problems = [...pagesOf(db), ...INVARIANTS.flatMap((invariant) => breaches(db, invariant))];
    const channels = numberOf(db, "SELECT count(*) FROM channels");
    return { channels, messages: numberOf(db, `SELECT count(*) FROM (${ALL})`), problems };
  } catch (error) {
    const cause = causeOf(error);
    if (cause === undefined) throw error;
    // A file that cannot be read at all is a finding, not a failure of the check.
    return { channels: 0, messages: 0, problems: [cause] };
  } finally {
    db.close();
  }
}

function pagesOf(db: DatabaseSync): string[] {
  const found = db.prepare("PRAGMA integrity_check(20)").all();
  return found.map((row) => String(row.integrity_check)).filter((text) => text !== "ok");
}

function breaches(db: DatabaseSync, { sql, problem }: Invariant): string[] {
  return db.prepare(`SELECT * FROM (${sql}) LIMIT ${LISTED}`).all().map(problem);
}
