import type { DatabaseSync } from "node:sqlite";
import type { Channel } from "../../../protocol/protocol.ts";
import type { ChannelState } from "./channel.ts";
import { Tail } from "./tail.ts";

/** Places that one transaction sweeps, at least: pages become free as a whole. */
const SWEPT = 512;

/** Places from the oldest tail on, at most: what has moved stays in the table behind it. The limit of bytes usually holds fewer. */
const SPAN = 65_536;

/** Taken tails at the start of the queue from which on it is shortened. */
const QUEUED = 1_024;

/**
 * Newest messages of all channels, in the order in which they came. SQLite writes whole pages: a message to each of a thousand channels
 * writes a thousand pages of the table of messages, and a hundred pages here. Messages move to that table when their channel has several,
 * which share its pages.
 */
export class Arrivals {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #limit: number;
  /** By history. */
  readonly #tails = new Map<number, Tail>();
  /** In the order of their oldest messages, from `head` on; some are taken. */
  #queue: Tail[] = [];
  #head = 0;
  #bytes = 0;
  /** Place of the newest message. */
  #last: number;
  /** The table has no rows up to this place. */
  #swept: number;
  /** Both, in the file as it is committed. */
  #committedLast = 0;
  #committedSwept = 0;
  /** Tails that the present transaction has lengthened, and those that it has taken. */
  #lengthened: Tail[] = [];
  #taken: Tail[] = [];

  /** @param limit size of the messages that may stay here, in bytes */
  constructor(db: DatabaseSync, limit: number) {
    this.#statements = prepare(db);
    this.#limit = limit;
    const { low, high } = this.#statements.bounds.get() ?? {};
    this.#last = Number(high ?? 0);
    this.#swept = Number(low ?? this.#last + 1) - 1;
    for (const { name, history, offset, place, size } of this.#statements.unsettled.iterate())
      this.#put(name as Channel, Number(history), Number(offset), Number(place), Number(size)); // by the schema
    this.committed();
  }

  tailOf(history: number): Tail | undefined {
    return this.#tails.get(history);
  }

  /** Gives the newest message of a channel a place at the end of its tail. To be called in a transaction, which adds the row. */
  add(state: ChannelState, size: number): number {
    state.tail = this.#put(state.name, state.history, state.last, ++this.#last, size);
    return this.#last;
  }

  /** The tail that came first. */
  get oldest(): Tail | undefined {
    let tail = this.#queue[this.#head];
    while (tail !== undefined && this.#tails.get(tail.history) !== tail) tail = this.#queue[++this.#head];
    if (this.#head >= QUEUED && this.#head > this.#queue.length / 2) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return tail;
  }

  /** True while all tails together are too long, or the oldest keeps too many rows from the sweep. */
  get isFull(): boolean {
    if (this.#bytes > this.#limit) return true;
    const oldest = this.oldest?.places[0];
    return oldest !== undefined && this.#last - oldest > SPAN;
  }

  /** Takes a tail away, whose messages are in another table now, or lost. To be called in a transaction. */
  take(tail: Tail): void {
    this.#tails.delete(tail.history);
    this.#bytes -= tail.bytes;
    this.#taken.push(tail);
  }

  /** Removes rows of messages that were taken, once it is worth a step. To be called in a transaction. */
  sweep(): void {
    const end = this.oldest === undefined ? this.#last : (this.oldest.places[0] ?? 0) - 1;
    if (end - this.#swept < SWEPT) return;
    // Twice as many as came, or the table would grow.
    const step = Math.max(SWEPT, 2 * (this.#last - this.#committedLast));
    this.#sweepTo(Math.min(end, this.#swept + step));
  }

  /** Removes all rows. To be called in a transaction, when all tails are taken. */
  clear(): void {
    if (this.#swept < this.#last) this.#sweepTo(this.#last);
  }

  /** The transaction is committed. */
  committed(): void {
    for (const tail of this.#lengthened) {
      tail.committedPlaces = tail.places.length;
      tail.committedBytes = tail.bytes;
    }
    this.#lengthened = [];
    this.#taken = [];
    this.#committedSwept = this.#swept;
    this.#committedLast = this.#last;
  }

  /** The transaction was rolled back. */
  rolledBack(): void {
    for (const tail of this.#lengthened) {
      tail.places.length = tail.committedPlaces;
      tail.bytes = tail.committedBytes;
      if (tail.places.length === 0) this.#tails.delete(tail.history);
    }
    for (const tail of this.#taken) if (tail.places.length > 0) this.#tails.set(tail.history, tail);
    this.#queue = [...this.#tails.values()].sort(({ places: [a = 0] }, { places: [b = 0] }) => a - b);
    this.#head = 0;
    this.#bytes = this.#queue.reduce((bytes, tail) => bytes + tail.bytes, 0);
    this.#swept = this.#committedSwept;
    this.committed();
  }

  #put(channel: Channel, history: number, offset: number, place: number, size: number): Tail {
    let tail = this.#tails.get(history);
    // Messages before a hole have moved: it is one of large messages, which were never here.
    if (tail !== undefined && offset !== tail.start + tail.places.length) {
      this.take(tail);
      tail = undefined;
    }
    if (tail === undefined) {
      tail = new Tail(channel, history, offset);
      this.#tails.set(history, tail);
      this.#queue.push(tail);
    }
    if (tail.places.length === tail.committedPlaces) this.#lengthened.push(tail);
    tail.places.push(place);
    tail.bytes += size;
    this.#bytes += size;
    return tail;
  }

  #sweepTo(place: number): void {
    this.#statements.sweep.run(place);
    this.#swept = place;
  }
}

const prepare = (db: DatabaseSync) => ({
  bounds: db.prepare(
    "SELECT (SELECT min(place) FROM arrivals) AS low, (SELECT max(place) FROM arrivals) AS high",
  ),
  unsettled: db.prepare("SELECT name, history, offset, place, size FROM unsettled ORDER BY place"),
  sweep: db.prepare("DELETE FROM arrivals WHERE place <= ?"),
});
