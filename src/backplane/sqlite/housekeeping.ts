import type { DatabaseSync } from "node:sqlite";
import type { Channel } from "../../protocol/protocol.ts";
import type { ChannelState } from "./history/channel.ts";
import type { Histories } from "./history/histories.ts";
import type { SqliteIdempotency } from "./state/idempotency.ts";
import type { Writer } from "./writer.ts";

/** Time between two steps while there is work, and while there is none. */
const BUSY_MS = 20;
const IDLE_MS = 1_000;
/** Time between the beginnings of two walks over all channels. */
const WALK_MS = 60_000;
/** Channels of a step, and messages of lost histories that it removes. */
const CHANNELS = 64;
const MESSAGES = 128;

/** Time after which a channel without messages and acknowledgements is forgotten: 30 days, and never within the age of messages. */
const BLANK_MS = 2_592_000_000;

const MICROSECONDS = 1_000;

/**
 * Removes what is over: expired messages and keys, lost histories, channels that nobody has used for long. In steps of a few
 * milliseconds, each with the changes of a tick.
 */
export class Housekeeping {
  readonly #writer: Writer;
  readonly #histories: Histories;
  readonly #idempotency: SqliteIdempotency;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  /** Id of the channel that the walk has reached; undefined between walks. */
  #reached: number | undefined;
  #walkedAt = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(
    db: DatabaseSync,
    writer: Writer,
    histories: Histories,
    idempotency: SqliteIdempotency,
    now: () => number,
  ) {
    this.#writer = writer;
    this.#histories = histories;
    this.#idempotency = idempotency;
    this.#statements = prepare(db);
    this.#now = now;
    this.#schedule(IDLE_MS);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#run(), ms).unref();
  }

  #run(): void {
    this.#writer
      .write(() => this.#step())
      .then(
        (isIdle) => this.#schedule(isIdle ? IDLE_MS : BUSY_MS),
        () => this.#schedule(IDLE_MS), // the failure is in the health
      );
  }

  /** @returns true when nothing is left to do */
  #step(): boolean {
    const isDone = [this.#idempotency.expire(), this.#removeLost(), this.#walk()];
    return isDone.every(Boolean);
  }

  /** Removes messages of a lost history. @returns false when others remain */
  #removeLost(): boolean {
    const { lost, removeMessages, removeGrowths, removeLost } = this.#statements;
    const history = lost.get()?.history;
    if (history === undefined) return true;
    const removed = removeMessages.run(Number(history), Number(history), MESSAGES);
    if (Number(removed.changes) === MESSAGES) return false;
    removeGrowths.run(Number(history));
    removeLost.run(Number(history));
    return false;
  }

  /** Visits the next channels. @returns true between walks */
  #walk(): boolean {
    const time = performance.now();
    if (this.#reached === undefined) {
      if (time - this.#walkedAt < WALK_MS) return true;
      this.#walkedAt = time;
      this.#reached = 0;
    }
    const rows = this.#statements.channels.all(this.#reached, CHANNELS);
    let hasRenewed = false;
    for (const { id, name, used_at } of rows) {
      const state = this.#histories.visit(name as Channel); // by the schema
      // A channel with much to remove is visited again in the next step.
      if (state !== undefined && !this.#histories.tidy(state)) return false;
      if (state !== undefined && this.#isForgotten(state, Number(used_at))) {
        this.#remove(state);
        // Its offsets begin anew when it comes back, so it needs another epoch then.
        if (!hasRenewed) this.#histories.epochs.renew();
        hasRenewed = true;
      }
      this.#reached = Number(id);
    }
    if (rows.length < CHANNELS) this.#reached = undefined;
    return rows.length < CHANNELS;
  }

  #isForgotten(state: ChannelState, usedAt: number): boolean {
    if (state.length > 0 || state.savedBytes > 0 || state.tail !== undefined) return false;
    const since = this.#now() - Math.max(BLANK_MS, state.retained.ageMs);
    if (usedAt >= since) return false;
    return this.#statements.acknowledged.get(state.id, since * MICROSECONDS) === undefined;
  }

  #remove(state: ChannelState): void {
    this.#statements.removeCursors.run(state.id);
    this.#statements.removeChannel.run(state.id);
    this.#histories.forget(state.name);
  }
}

const prepare = (db: DatabaseSync) => ({
  lost: db.prepare("SELECT history FROM lost_histories LIMIT 1"),
  removeLost: db.prepare("DELETE FROM lost_histories WHERE history = ?"),
  removeMessages: db.prepare(
    "DELETE FROM messages WHERE history = ? AND offset IN (SELECT offset FROM messages WHERE history = ? LIMIT ?)",
  ),
  removeGrowths: db.prepare("DELETE FROM growths WHERE history = ?"),
  channels: db.prepare("SELECT id, name, used_at FROM channels WHERE id > ? ORDER BY id LIMIT ?"),
  acknowledged: db.prepare("SELECT 1 FROM cursors WHERE channel = ? AND moved >= ? LIMIT 1"),
  removeCursors: db.prepare("DELETE FROM cursors WHERE channel = ?"),
  removeChannel: db.prepare("DELETE FROM channels WHERE id = ?"),
});
