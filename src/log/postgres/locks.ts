import type { LogRecord } from "../record.ts";
import { isChange } from "../sql/changes.ts";

/** Kind of the log's advisory locks: an arbitrary number, which others in the database do not have. */
const LOG_LOCKS = 743_116;

/** Locks that all channels share. Each one that is held takes a place in a table of the server, so they are few. */
const LOCKS = 32;

/** A node that hangs in a transaction loses it after this time, because others wait for its locks. */
const IDLE_MS = 10_000;

/** Limit of the wait for a lock. Longer than a node may hang, and shorter than the timeout of a query. */
const LOCK_MS = 20_000;

const TIMEOUTS = `SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS}; SET LOCAL lock_timeout = ${LOCK_MS}`;

/**
 * Makes the SQL that begins a transaction for records. Two nodes may write a message and its deletion at once, and neither would see the
 * other's before its end: the text would stay. So messages share the lock of their channel, which delays no other message, and a
 * change has the lock alone. All locks are taken first and in one order, so no two nodes wait for each other.
 */
export function begin(records: readonly LogRecord[]): string {
  const locks = new Map<number, "shared" | "alone">();
  for (const record of records.filter(needsLock)) {
    const lock = lockOf(record.channel);
    if (isChange(record)) locks.set(lock, "alone");
    else if (!locks.has(lock)) locks.set(lock, "shared");
  }
  const inOrder = [...locks].sort(([one], [other]) => one - other);
  const calls = inOrder.map(([lock, way]) => `SELECT ${TAKE[way]}(${LOG_LOCKS}, ${lock})`);
  return ["BEGIN", TIMEOUTS, ...calls].join("; ");
}

const TAKE = { shared: "pg_advisory_xact_lock_shared", alone: "pg_advisory_xact_lock" } as const;

type LockedRecord = Extract<LogRecord, { kind: "stored" | "edited" | "deleted" }>;

/** True for a message and for a change of one. */
export const needsLock = (record: LogRecord): record is LockedRecord =>
  record.kind === "stored" || isChange(record);

function lockOf(channel: string): number {
  let hash = 0;
  for (let index = 0; index < channel.length; index++)
    hash = (Math.imul(hash, 31) + channel.charCodeAt(index)) >>> 0;
  return hash % LOCKS;
}
