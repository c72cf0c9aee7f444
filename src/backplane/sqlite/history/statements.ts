import type { DatabaseSync } from "node:sqlite";

/** Statements on channels and messages, prepared once. */
export const prepareHistories = (db: DatabaseSync) => ({ ...prepareChannels(db), ...prepareMessages(db) });

const prepareChannels = (db: DatabaseSync) => ({
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
});

function prepareMessages(db: DatabaseSync) {
  const statements = {
    append: db.prepare(
      "INSERT INTO messages (history, offset, id, type, sender, timestamp, body, audience, size, total) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    arrive: db.prepare(
      "INSERT INTO arrivals (place, channel, history, offset, id, type, sender, timestamp, body, audience, size, total) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    settle: db.prepare(
      "INSERT INTO messages (history, offset, id, type, sender, timestamp, body, audience, size, total) SELECT history, offset, id, type, sender, timestamp, body, audience, size, total FROM arrivals WHERE place = ?",
    ),
    arrival: db.prepare("SELECT offset, id, timestamp, size, total FROM arrivals WHERE place = ?"),
    arrived: db.prepare(
      "SELECT offset, id, type, sender, timestamp, body, audience, size FROM arrivals WHERE place = ?",
    ),
    bounds: db.prepare(
      "SELECT (SELECT min(offset) FROM messages WHERE history = :history) AS low, (SELECT max(offset) FROM messages WHERE history = :history) AS high",
    ),
    at: db.prepare(
      "SELECT offset, id, timestamp, size, total FROM messages WHERE history = ? AND offset = ?",
    ),
    firstSince: db.prepare(
      "SELECT offset FROM messages WHERE history = ? AND offset >= ? AND timestamp >= ? ORDER BY offset LIMIT 1",
    ),
    sizes: db.prepare("SELECT size FROM messages WHERE history = ? AND offset >= ? ORDER BY offset"),
    upwards: db.prepare(
      "SELECT offset, id, type, sender, timestamp, body, audience, size FROM messages WHERE history = ? AND offset BETWEEN ? AND ? ORDER BY offset",
    ),
    downwards: db.prepare(
      "SELECT offset, id, type, sender, timestamp, body, audience, size FROM messages WHERE history = ? AND offset BETWEEN ? AND ? ORDER BY offset DESC",
    ),
    replace: db.prepare(
      "UPDATE messages SET body = ?, audience = ?, size = ?, total = total + ? WHERE history = ? AND offset = ?",
    ),
    grow: db.prepare(
      "INSERT INTO growths (history, offset, bytes) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
    ),
    growths: db.prepare(
      "SELECT count(*) AS count, total(bytes) AS bytes FROM growths WHERE history = ? AND offset >= ?",
    ),
    trim: db.prepare("DELETE FROM messages WHERE history = ? AND offset < ?"),
    trimGrowths: db.prepare("DELETE FROM growths WHERE history = ? AND offset < ?"),
  };
  statements.upwards.setReturnArrays(true);
  statements.downwards.setReturnArrays(true);
  statements.arrived.setReturnArrays(true);
  return statements;
}

export type HistoryStatements = ReturnType<typeof prepareHistories>;
