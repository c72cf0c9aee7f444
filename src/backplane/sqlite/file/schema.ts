import type { DatabaseSync } from "node:sqlite";
import { TidingsError } from "../../../protocol/protocol.ts";
import { numberOf } from "./driver.ts";

/** Marks the file as one of Tidings (`PRAGMA application_id`). */
const APPLICATION = 0x74_69_64_67;

/**
 * Version 1. A channel has a row from its first message or cursor on; its messages are found by the number of its history, which
 * changes when the history is lost. `size` is the estimate that limits count, and `total` its sum over the history up to here: two
 * rows tell the size of any run. `audience` has the fields that few messages have, as JSON. `last`, `total` and `bytes` of a channel
 * are brought up to date now and then; the messages are exact.
 */
const TABLES = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE channels (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, history INTEGER NOT NULL, epoch TEXT NOT NULL,
  last INTEGER NOT NULL, total INTEGER NOT NULL, lost_at INTEGER NOT NULL, bytes INTEGER NOT NULL, used_at INTEGER NOT NULL
) STRICT;
CREATE INDEX channels_by_bytes ON channels (bytes) WHERE bytes > 0;
CREATE TABLE messages (
  history INTEGER, offset INTEGER, id TEXT NOT NULL, type TEXT NOT NULL, sender TEXT, timestamp INTEGER NOT NULL,
  body TEXT NOT NULL, audience TEXT, size INTEGER NOT NULL, total INTEGER NOT NULL, PRIMARY KEY (history, offset)
) STRICT, WITHOUT ROWID;
CREATE TABLE lost_histories (history INTEGER PRIMARY KEY) STRICT;
CREATE TABLE cursors (
  channel INTEGER, user TEXT, device TEXT, epoch TEXT NOT NULL, offset INTEGER NOT NULL, moved INTEGER NOT NULL,
  PRIMARY KEY (channel, user, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE memberships (
  "group" TEXT, user TEXT, place INTEGER NOT NULL, PRIMARY KEY ("group", user)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_by_user ON memberships (user, place);
CREATE INDEX memberships_by_place ON memberships ("group", place);
CREATE TABLE member_counts ("group" TEXT PRIMARY KEY, members INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE blocks (user TEXT PRIMARY KEY, ends_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE keys (
  key TEXT PRIMARY KEY, id TEXT, timestamp INTEGER, epoch TEXT, offset INTEGER, receipt TEXT, expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_by_expiry ON keys (expires_at);
`;

/**
 * Version 2. A message is among `arrivals` first, and moves to `messages` with others of its channel; `unsettled` are those that have not
 * moved, while a row of one that has moved may remain for a while. `growths` has what edits have added to the size of a message, or taken
 * from it: `total` of later messages stays as it was.
 */
const ARRIVALS = `
CREATE TABLE arrivals (
  place INTEGER PRIMARY KEY, channel INTEGER NOT NULL, history INTEGER NOT NULL, offset INTEGER NOT NULL,
  id TEXT NOT NULL, type TEXT NOT NULL, sender TEXT, timestamp INTEGER NOT NULL,
  body TEXT NOT NULL, audience TEXT, size INTEGER NOT NULL, total INTEGER NOT NULL
) STRICT;
CREATE VIEW unsettled AS SELECT arrivals.*, channels.name AS name
  FROM arrivals CROSS JOIN channels ON channels.id = arrivals.channel AND channels.history = arrivals.history
  WHERE arrivals.offset > max(channels.last,
    ifnull((SELECT max(offset) FROM messages WHERE messages.history = arrivals.history), 0));
CREATE TABLE growths (
  history INTEGER, offset INTEGER, bytes INTEGER NOT NULL, PRIMARY KEY (history, offset)
) STRICT, WITHOUT ROWID;
`;

/** A step from one version of the schema to the next: the first makes version 1. */
export type Migration = string;

export const MIGRATIONS: readonly Migration[] = [TABLES, ARRIVALS];

/**
 * Brings a file to the version of this program, in one transaction.
 * @throws TidingsError `conflict` for a file of another program, or of a newer version
 */
export function migrate(db: DatabaseSync, path: string, migrations: readonly Migration[] = MIGRATIONS): void {
  const version = versionOf(db, path);
  if (version > migrations.length) throw isNewer(path, version, migrations.length);
  if (version === migrations.length) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    db.exec(
      "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT",
    );
    const note = db.prepare("INSERT INTO migrations (version, at) VALUES (?, ?)");
    for (const [index, migration] of migrations.entries()) {
      if (index < version) continue;
      db.exec(migration);
      note.run(index + 1, Date.now());
    }
    db.exec(`PRAGMA application_id = ${APPLICATION}`);
    db.exec("COMMIT");
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}

/** @throws TidingsError `conflict` unless the file has the version of this program, as reading it needs */
export function assertKnown(db: DatabaseSync, path: string): void {
  const version = versionOf(db, path);
  if (version > MIGRATIONS.length) throw isNewer(path, version, MIGRATIONS.length);
  if (version === MIGRATIONS.length) return;
  throw new TidingsError(
    "conflict",
    `data: ${path} has version ${version}: start the server on it once, which brings it to ${MIGRATIONS.length}`,
  );
}

/** Reads the version of the schema; 0 for an empty file. @throws TidingsError `conflict` for a file of another program */
export function versionOf(db: DatabaseSync, path: string): number {
  const tables = numberOf(db, "SELECT count(*) FROM sqlite_schema");
  if (tables === 0) return 0;
  if (numberOf(db, "PRAGMA application_id") !== APPLICATION) {
    throw new TidingsError(
      "conflict",
      `data: ${path} is a database of another program. Name another directory`,
    );
  }
  return numberOf(db, "SELECT max(version) FROM migrations");
}

const isNewer = (path: string, version: number, known: number): TidingsError =>
  new TidingsError(
    "conflict",
    `data: ${path} has version ${version}, and this version of Tidings knows up to ${known}. ` +
      "Use a newer Tidings, or the directory of a backup from before the update",
  );
