import type { DatabaseSync } from "node:sqlite";

/** Statements on channels and messages, prepared once. */
export function prepareHistories(db: DatabaseSync) {
  const statements = {
    channel: db.prepare(
      "SELECT id, history, epoch, last, total, lost_at AS lostAt, bytes FROM channels WHERE name = ?",
    ),
    addChannel: db.prepare(
      "INSERT INTO channels (name, history, epoch, last, total, lost_at, bytes, used_at) VALUES (?, ?, ?, 0, 0, 0, 0, ?)",
    ),
    saveBytes: db.prepare("UPDATE channels SET bytes = ?, used_at = ? WHERE id = ?"),
    saveEnd: db.prepare("UPDATE channels SET last = ?, total = ? WHERE id = ?"),
    restart: db.prepare(
      "UPDATE channels SET history = ?, epoch = ?, last = 0, total = 0, lost_at = ?, bytes = 0 WHERE id = ?",
    ),
    noteLost: db.prepare("INSERT INTO lost_histories (history) VALUES (?)"),
    heaviest: db.prepare("SELECT name FROM channels WHERE bytes > 0 ORDER BY bytes DESC LIMIT 1 OFFSET ?"),
    light: db.prepare("SELECT name FROM channels WHERE bytes BETWEEN 1 AND ? ORDER BY bytes LIMIT 1"),
    sumBytes: db.prepare("SELECT total(bytes) AS bytes FROM channels WHERE bytes > 0"),
    sumLight: db.prepare("SELECT total(bytes) AS bytes FROM channels WHERE bytes BETWEEN 1 AND ?"),
    append: db.prepare(
      "INSERT INTO messages (history, offset, id, type, sender, timestamp, body, audience, size, total) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    oldest: db.prepare(
      "SELECT offset, timestamp, size, total FROM messages WHERE history = ? ORDER BY offset LIMIT 1",
    ),
    newest: db.prepare("SELECT offset, total FROM messages WHERE history = ? ORDER BY offset DESC LIMIT 1"),
    at: db.prepare("SELECT id, timestamp, size, total FROM messages WHERE history = ? AND offset = ?"),
    firstSince: db.prepare(
      "SELECT offset FROM messages WHERE history = ? AND offset >= ? AND timestamp >= ? ORDER BY offset LIMIT 1",
    ),
    firstAbove: db.prepare(
      "SELECT offset FROM messages WHERE history = ? AND offset >= ? AND total > ? ORDER BY offset LIMIT 1",
    ),
    upwards: db.prepare(
      "SELECT offset, id, type, sender, timestamp, body, audience, size FROM messages WHERE history = ? AND offset BETWEEN ? AND ? ORDER BY offset",
    ),
    downwards: db.prepare(
      "SELECT offset, id, type, sender, timestamp, body, audience, size FROM messages WHERE history = ? AND offset BETWEEN ? AND ? ORDER BY offset DESC",
    ),
    replace: db.prepare(
      "UPDATE messages SET body = ?, audience = ?, size = ?, total = total + ? WHERE history = ? AND offset = ?",
    ),
    moveTotals: db.prepare("UPDATE messages SET total = total + ? WHERE history = ? AND offset > ?"),
    trim: db.prepare("DELETE FROM messages WHERE history = ? AND offset < ?"),
  };
  statements.upwards.setReturnArrays(true);
  statements.downwards.setReturnArrays(true);
  return statements;
}

export type HistoryStatements = ReturnType<typeof prepareHistories>;
