import type { Channel } from "../../../protocol/protocol.ts";
import type { Retained } from "../../retention/retention.ts";
import type { Tail } from "./tail.ts";

/** A channel as the file has it. Derived from the file, and dropped whenever a transaction fails. */
export class ChannelState {
  readonly name: Channel;
  readonly retained: Retained;
  readonly id: number;
  /** Number under which the messages are found. */
  history: number;
  epoch: string;
  /** The lowest offset retained; `last + 1` when there is none. The file may still have some below. */
  first: number;
  /** The highest offset ever given under this epoch; 0 when there was none. */
  last: number;
  /** The lowest and the highest offset in the table of messages: `stored` is `settled + 1` when it has none. */
  stored: number;
  settled: number;
  /** Messages above `settled`, which are among the arrivals; undefined: none. */
  tail: Tail | undefined;
  /** Size of all messages up to the last one, and of those before `first`, as they came. The latter may be too low: see `isExact`. */
  total: number;
  before: number;
  /** Bytes that edits have added to the messages from `first` on. */
  grown = 0;
  /** True if edits have changed the sizes of messages. */
  isEdited = false;
  /** Timestamp of the message at `first`. It may be one of a message before that. */
  oldestAt: number;
  /** True if `before`, `grown` and `oldestAt` are those of `first`. */
  isExact = true;
  /** When messages were lost, in milliseconds since 1970; 0: never. */
  lostAt: number;
  /** The size that the row has: within a quarter of the true one. */
  savedBytes: number;

  constructor(name: Channel, row: ChannelRow, retained: Retained) {
    this.name = name;
    this.retained = retained;
    this.id = row.id;
    this.history = row.history;
    this.epoch = row.epoch;
    this.lostAt = row.lostAt;
    this.savedBytes = row.bytes;
    this.last = row.last;
    this.first = row.last + 1;
    this.stored = this.first;
    this.settled = row.last;
    this.total = row.total;
    this.before = row.total;
    this.oldestAt = Number.POSITIVE_INFINITY;
  }

  get length(): number {
    return this.last - this.first + 1;
  }

  /** Size of the retained messages; too high unless `isExact`. */
  get bytes(): number {
    return this.total - this.before + this.grown;
  }
}

export interface ChannelRow {
  readonly id: number;
  readonly history: number;
  readonly epoch: string;
  readonly last: number;
  readonly total: number;
  readonly lostAt: number;
  readonly bytes: number;
}

/** States in use, in two generations: when the younger is full, the older is dropped whole. */
export class ChannelCache {
  readonly #limit: number;
  #younger = new Map<Channel, ChannelState>();
  #older = new Map<Channel, ChannelState>();

  /** @param limit states of a generation */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(channel: Channel): ChannelState | undefined {
    const young = this.#younger.get(channel);
    if (young !== undefined) return young;
    const old = this.#older.get(channel);
    if (old !== undefined) this.set(old);
    return old;
  }

  set(state: ChannelState): void {
    if (this.#younger.size >= this.#limit) {
      this.#older = this.#younger;
      this.#younger = new Map();
    }
    this.#younger.set(state.name, state);
  }

  delete(channel: Channel): void {
    this.#younger.delete(channel);
    this.#older.delete(channel);
  }

  clear(): void {
    this.#younger = new Map();
    this.#older = new Map();
  }
}
