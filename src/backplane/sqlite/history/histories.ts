/** Histories of all channels in the file. */
import type { DatabaseSync } from "node:sqlite";
import type { Channel, Position } from "../../../protocol/protocol.ts";
import { type Message, PlacedMessage, type StoredMessage } from "../../message.ts";
import { numberOf } from "../file/file.ts";
import { ChannelCache, type ChannelRow, ChannelState } from "./channel.ts";
import { Epochs } from "./epochs.ts";
import { type HistoryLimits, Limits } from "./limits.ts";
import { Meta } from "./meta.ts";
import { type HistoryStatements, prepareHistories } from "./statements.ts";

/** Bytes of a message besides its text, as all backplanes count it. */
export const MESSAGE_BYTES = 240;

/** Size of a message, as limits count it, in bytes. */
export const sizeOf = ({ body }: Pick<Message, "body">): number => MESSAGE_BYTES + Buffer.byteLength(body);

/** States of channels in memory, in each of two generations: some 300 bytes each. */
const CACHED = 50_000;

/** Messages, and bytes of messages, that one step removes: the step stays within a few milliseconds. */
const TRIMMED = 128;
const TRIMMED_BYTES = 2_097_152;

/** A loss to be told once it is committed. */
export interface Loss {
  readonly channel: Channel;
  readonly position: Position;
}

export class Histories {
  readonly limits: Limits;
  readonly epochs: Epochs;
  readonly statements: HistoryStatements;
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
    this.#now = now;
    this.#cache = new ChannelCache(CACHED);
    this.#histories = Math.max(
      numberOf(db, "SELECT max(history) FROM channels"),
      numberOf(db, "SELECT max(history) FROM lost_histories"),
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
    const offset = ++state.last;
    const size = sizeOf(message);
    state.total += size;
    const { id, type, from, timestamp, body } = message;
    this.statements.append.run(
      state.history,
      offset,
      id,
      type,
      from ?? null,
      timestamp,
      body,
      audienceOf(message),
      size,
      state.total,
    );
    if (offset === state.first) state.oldestAt = timestamp;
    this.#trim(state);
    if (state.bytes > 1.25 * state.savedBytes) this.save(state);
    return new PlacedMessage(message, state.epoch, offset);
  }

  /** True if messages were lost that retention would still have. */
  hasLost(state: ChannelState): boolean {
    return state.lostAt > this.#now() - state.retained.ageMs;
  }

  /** Loses all messages: the channel continues under another epoch. To be called in a transaction. */
  lose(state: ChannelState): void {
    const { noteLost, restart } = this.statements;
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

  /** Forgets what a transaction has changed that was rolled back. */
  reload(): void {
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
    const oldest = this.statements.oldest.get(state.history);
    const newest = this.statements.newest.get(state.history);
    if (oldest === undefined || newest === undefined) return;
    state.first = Number(oldest.offset);
    state.stored = state.first;
    state.before = Number(oldest.total) - Number(oldest.size);
    state.oldestAt = Number(oldest.timestamp);
    state.last = Number(newest.offset);
    state.total = Number(newest.total);
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
    if (state.bytes <= bytes) return;
    const row = this.statements.firstAbove.get(state.history, state.first, state.total - bytes);
    // The message whose end passes the mark may begin before it.
    const passing = Number(row?.offset ?? state.last);
    const at = this.statements.at.get(state.history, passing);
    const isWhole = at !== undefined && Number(at.total) - Number(at.size) >= state.total - bytes;
    state.first = Math.min(isWhole ? passing : passing + 1, state.last);
    state.isExact = false;
    this.#refresh(state);
  }

  /** Reads size and age of the oldest message that is retained. */
  #refresh(state: ChannelState): void {
    if (state.isExact) return;
    const row = state.length > 0 ? this.statements.at.get(state.history, state.first) : undefined;
    state.before = row === undefined ? state.total : Number(row.total) - Number(row.size);
    state.oldestAt = row === undefined ? Number.POSITIVE_INFINITY : Number(row.timestamp);
    state.isExact = true;
  }

  /** Expires messages from the start only. After a clock was set back, an old message behind a newer one makes no hole. */
  #expire(state: ChannelState): void {
    const deadline = this.#now() - state.retained.ageMs;
    if (state.oldestAt >= deadline) return;
    const row = this.statements.firstSince.get(state.history, state.first, deadline);
    state.first = row === undefined ? state.last + 1 : Number(row.offset);
    state.isExact = false;
    this.#refresh(state);
  }

  /** Removes some messages below `first`. @returns false when more remain */
  #remove(state: ChannelState): boolean {
    const left = state.first - state.stored;
    if (left <= 0) return true;
    const mean = Math.max(1, (state.total - state.before) / Math.max(1, state.length));
    const step = Math.min(left, TRIMMED, Math.max(1, Math.floor(TRIMMED_BYTES / mean)));
    // Without messages only the row knows the end of the history.
    if (state.length === 0) this.statements.saveEnd.run(state.last, state.total, state.id);
    state.stored += step;
    this.statements.trim.run(state.history, state.stored);
    return step === left;
  }
}

/** Fields that few messages have. */
type FewFields = Pick<StoredMessage, "platforms" | "except" | "recipient" | "change">;

/** The column `audience`: those fields as JSON. */
export function audienceOf({ platforms, except, recipient, change }: Partial<FewFields>): string | null {
  if (platforms === undefined && except === undefined && recipient === undefined && change === undefined)
    return null;
  return JSON.stringify({ platforms, except, recipient, change });
}
