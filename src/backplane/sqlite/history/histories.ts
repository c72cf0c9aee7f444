/** Histories of all channels in the file. */
import type { DatabaseSync } from "node:sqlite";
import type { Channel, Position } from "../../../protocol/protocol.ts";
import { type Message, PlacedMessage, type StoredMessage } from "../../message.ts";
import { numberOf } from "../file/file.ts";
import { Arrivals } from "./arrivals.ts";
import { ChannelCache, type ChannelRow, ChannelState } from "./channel.ts";
import { sizeOf } from "./columns.ts";
import { Epochs } from "./epochs.ts";
import { type HistoryLimits, LIGHT_BYTES, Limits } from "./limits.ts";
import { Meta } from "./meta.ts";
import { Rows } from "./rows.ts";
import { type HistoryStatements, prepareHistories } from "./statements.ts";

/** States of channels in memory, in each of two generations: some 300 bytes each. */
const CACHED = 50_000;

/** Messages, and bytes of messages, that one step removes: the step stays within a few milliseconds. */
const TRIMMED = 128;
const TRIMMED_BYTES = 2_097_152;

/** Size of a message from which on it goes to the table of messages at once: it fills a good part of a page. */
const LARGE_BYTES = 2_048;

/** Messages of one channel among the arrivals, at most: moving them is one step. */
const TAIL = 256;

/** A loss to be told once it is committed. */
export interface Loss {
  readonly channel: Channel;
  readonly position: Position;
}

export class Histories {
  readonly limits: Limits;
  readonly epochs: Epochs;
  readonly statements: HistoryStatements;
  readonly rows: Rows;
  readonly #arrivals: Arrivals;
  readonly #db: DatabaseSync;
  readonly #now: () => number;
  readonly #cache: ChannelCache;
  /** Number of the last history. */
  #histories: number;
  #losses: Loss[] = [];
  /** Size of all messages, by the sizes that the rows have. */
  bytes: number;

  constructor(db: DatabaseSync, limits: HistoryLimits, now: () => number) {
    this.#db = db;
    this.limits = new Limits(limits);
    this.epochs = new Epochs(new Meta(db));
    this.statements = prepareHistories(db);
    this.rows = new Rows(this.statements);
    this.#arrivals = new Arrivals(db, this.limits.arrivalsBytes);
    this.#now = now;
    this.#cache = new ChannelCache(CACHED);
    this.#histories = Math.max(
      numberOf(db, "SELECT max(history) FROM channels"),
      numberOf(db, "SELECT max(history) FROM lost_histories"),
      numberOf(db, "SELECT max(history) FROM arrivals"), // of channels that are forgotten
    );
    this.bytes = this.#sumBytes();
  }

  /** Finds a channel, without messages that are too old. Undefined for one that the file does not know. */
  find(channel: Channel): ChannelState | undefined {
    const state = this.#cached(channel);
    if (state === undefined) return undefined;
    this.#refresh(state);
    this.#expire(state);
    return state;
  }

  /** Finds or makes a channel. To be called in a transaction. */
  open(channel: Channel): ChannelState {
    return this.#cached(channel) ?? this.#create(channel);
  }

  /** Finds a channel without keeping it in memory, for walks over all of them. */
  visit(channel: Channel): ChannelState | undefined {
    return this.#cache.get(channel) ?? this.#read(channel);
  }

  /** Gives a message the next offset of its channel. To be called in a transaction. */
  append(message: Message): StoredMessage {
    const state = this.open(message.channel);
    const size = sizeOf(message);
    const isLarge = size >= LARGE_BYTES;
    if (isLarge || (state.tail?.places.length ?? 0) >= TAIL) this.settle(state);
    const offset = ++state.last;
    state.total += size;
    if (isLarge) this.rows.insert(state, message, size);
    else {
      const place = this.#arrivals.add(state, size);
      this.rows.arrive(place, state, message, size);
    }
    if (offset === state.first) state.oldestAt = message.timestamp;
    this.#trim(state);
    // A history that the limit of all does not count could not give way, and one that only seems light would give way first.
    if (isLarge || state.savedBytes <= LIGHT_BYTES) this.#saveGrowth(state);
    return new PlacedMessage(message, state.epoch, offset);
  }

  /**
   * Moves the newest messages of a channel from the arrivals to the table of messages. To be called in a transaction.
   * A message that is not retained any more is left out, unless the table has older ones: offsets there have no holes.
   */
  settle(state: ChannelState): void {
    const { tail } = state;
    if (tail === undefined) return;
    if (state.first > state.settled) this.#remove(state);
    const isEmpty = state.stored > state.settled;
    const from = isEmpty ? Math.max(state.first, tail.start) : tail.start;
    for (let offset = from; offset <= state.last; offset++) this.rows.settle(tail.placeOf(offset) ?? 0);
    if (isEmpty) state.stored = from;
    state.settled = state.last;
    state.tail = undefined;
    this.#arrivals.take(tail);
    if (state.length === 0) this.#saveEnd(state);
    this.#saveGrowth(state);
  }

  /** Settles channels while there are too many arrivals, the oldest first. To be called in a transaction. @param settled is given their names */
  settleSurplus(settled: Set<Channel>): void {
    while (this.#arrivals.isFull && this.#settleOldest(settled));
    this.#arrivals.sweep();
  }

  /** Settles all channels. To be called in a transaction. */
  settleAll(): void {
    const settled = new Set<Channel>();
    while (this.#settleOldest(settled));
    this.#arrivals.clear();
  }

  #settleOldest(settled: Set<Channel>): boolean {
    const tail = this.#arrivals.oldest;
    if (tail === undefined) return false;
    this.settle(this.open(tail.channel));
    settled.add(tail.channel);
    return true;
  }

  /** True if messages were lost that retention would still have. */
  hasLost(state: ChannelState): boolean {
    return state.lostAt > this.#now() - state.retained.ageMs;
  }

  /** Loses all messages: the channel continues under another epoch. To be called in a transaction. */
  lose(state: ChannelState): void {
    const { noteLost, restart } = this.statements;
    if (state.tail !== undefined) this.#arrivals.take(state.tail);
    noteLost.run(state.history);
    this.bytes -= state.savedBytes;
    const lostAt = this.#now();
    const row = { id: state.id, history: ++this.#histories, epoch: this.epochs.next(), lostAt };
    restart.run(row.history, row.epoch, lostAt, row.id);
    this.#cache.set(new ChannelState(state.name, { ...row, last: 0, total: 0, bytes: 0 }, state.retained));
    this.#losses.push({ channel: state.name, position: { epoch: row.epoch, offset: 0 } });
  }

  /** Drops the older half of the messages. To be called in a transaction. */
  halve(state: ChannelState): void {
    // Arrivals that are left out would come back with a restart.
    this.settle(state);
    state.first += Math.ceil((state.length - 1) / 2);
    state.isExact = false;
    this.tidy(state);
  }

  /**
   * Brings the row of a channel up to date, and removes some messages that it does not retain. To be called in a transaction.
   * @returns false when more remain to be removed
   */
  tidy(state: ChannelState): boolean {
    this.#refresh(state);
    this.#expire(state);
    // Nothing is retained: nothing moves, and the channel may be forgotten.
    if (state.length === 0) this.settle(state);
    const isDone = this.#remove(state);
    if (state.bytes !== state.savedBytes) this.save(state);
    return isDone;
  }

  save(state: ChannelState): void {
    this.#refresh(state);
    this.statements.saveBytes.run(state.bytes, this.#now(), state.id);
    this.bytes += state.bytes - state.savedBytes;
    state.savedBytes = state.bytes;
  }

  /** Saves once a history has grown by a quarter. */
  #saveGrowth(state: ChannelState): void {
    if (state.bytes > 1.25 * state.savedBytes) this.save(state);
  }

  /** Forgets a channel whose row was removed. */
  forget(channel: Channel): void {
    this.#cache.delete(channel);
  }

  /** Takes the losses since the last call. */
  takeLosses(): readonly Loss[] {
    if (this.#losses.length === 0) return this.#losses;
    const losses = this.#losses;
    this.#losses = [];
    return losses;
  }

  /** The transaction is committed. */
  committed(): void {
    this.#arrivals.committed();
  }

  /** Forgets what a transaction has changed that was rolled back. */
  reload(): void {
    this.#arrivals.rolledBack();
    this.#cache.clear();
    this.#losses = [];
    this.epochs.reload();
    this.bytes = this.#sumBytes();
  }

  #sumBytes(): number {
    return Number(this.statements.sumBytes.get()?.bytes);
  }

  #cached(channel: Channel): ChannelState | undefined {
    const known = this.#cache.get(channel);
    if (known !== undefined) return known;
    const state = this.#read(channel);
    if (state !== undefined) this.#cache.set(state);
    return state;
  }

  #read(channel: Channel): ChannelState | undefined {
    const row = this.statements.channel.get(channel) as ChannelRow | undefined; // by the statement
    if (row === undefined) return undefined;
    const state = new ChannelState(channel, row, this.limits.retention.of(channel));
    this.#load(state);
    return state;
  }

  #create(channel: Channel): ChannelState {
    const epoch = this.epochs.base;
    const history = ++this.#histories;
    const { lastInsertRowid } = this.statements.addChannel.run(channel, history, epoch, this.#now());
    const row = { id: Number(lastInsertRowid), history, epoch, last: 0, total: 0, lostAt: 0, bytes: 0 };
    const state = new ChannelState(channel, row, this.limits.retention.of(channel));
    this.#cache.set(state);
    // Members may hold a position under the name that channels had before.
    if (this.epochs.wasRenewed) this.#losses.push({ channel, position: { epoch, offset: 0 } });
    return state;
  }

  /** Reads the bounds of a history: the row has only those of one without messages. */
  #load(state: ChannelState): void {
    const { low, high } = this.statements.bounds.get({ history: state.history }) ?? {};
    if (typeof low === "number" && typeof high === "number") {
      state.stored = low;
      state.settled = high;
    }
    state.tail = this.#arrivals.tailOf(state.history);
    if (state.tail !== undefined && low === null) {
      state.settled = state.tail.start - 1;
      state.stored = state.tail.start;
    }
    state.last = state.settled + (state.tail?.places.length ?? 0);
    state.first = state.stored;
    state.isEdited = this.#growthsFrom(state, 0).count > 0;
    state.isExact = false;
    if (state.length > 0) state.total = this.rows.at(state, state.last)?.total ?? state.total;
    this.#refresh(state);
    this.#trim(state);
  }

  /** Leaves out what is beyond count and bytes; removes it once it is worth a step. */
  #trim(state: ChannelState): void {
    const { count, bytes } = state.retained;
    if (state.length > count) {
      state.first = state.last - count + 1;
      state.isExact = false;
    }
    if (state.bytes > bytes && state.length > 1) this.#fit(state, bytes);
    if (state.first - state.stored >= TRIMMED && this.#db.isTransaction) this.#remove(state);
  }

  /** Leaves out the oldest messages until the others fit; the newest one stays. */
  #fit(state: ChannelState, bytes: number): void {
    this.#refresh(state);
    let left = state.bytes;
    if (left <= bytes) return;
    let { first } = state;
    for (const size of this.rows.sizes(state)) {
      if (left <= bytes || first === state.last) break;
      left -= size;
      first++;
    }
    state.first = first;
    state.isExact = false;
    this.#refresh(state);
  }

  /** Reads size and age of the oldest message that is retained. */
  #refresh(state: ChannelState): void {
    if (state.isExact) return;
    const row = state.length > 0 ? this.rows.at(state, state.first) : undefined;
    state.before = row === undefined ? state.total : row.total - row.size;
    state.oldestAt = row === undefined ? Number.POSITIVE_INFINITY : row.timestamp;
    if (state.isEdited) state.grown = this.#growthsFrom(state, state.first).bytes;
    state.isExact = true;
  }

  #growthsFrom({ history }: ChannelState, offset: number): { count: number; bytes: number } {
    return this.statements.growths.get(history, offset) as { count: number; bytes: number }; // by the statement
  }

  /** Expires messages from the start only. After a clock was set back, an old message behind a newer one makes no hole. */
  #expire(state: ChannelState): void {
    const deadline = this.#now() - state.retained.ageMs;
    if (state.oldestAt >= deadline) return;
    state.first = this.rows.firstSince(state, deadline) ?? state.last + 1;
    state.isExact = false;
    this.#refresh(state);
  }

  /** Removes some messages below `first`. @returns false when more remain */
  #remove(state: ChannelState): boolean {
    const left = Math.min(state.first, state.settled + 1) - state.stored;
    if (left <= 0) return true;
    const mean = Math.max(1, (state.total - state.before) / Math.max(1, state.length));
    const step = Math.min(left, TRIMMED, Math.max(1, Math.floor(TRIMMED_BYTES / mean)));
    state.stored += step;
    this.statements.trim.run(state.history, state.stored);
    if (state.isEdited) this.statements.trimGrowths.run(state.history, state.stored);
    // Only the row tells then which arrivals have moved, and where the history ends.
    if (state.stored > state.settled) this.#saveEnd(state);
    return step === left;
  }

  /** Without messages in its table only the row knows where that ended. */
  #saveEnd({ settled, total, id }: ChannelState): void {
    this.statements.saveEnd.run(settled, total, id);
  }
}
