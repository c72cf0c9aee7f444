import { TidingsError } from "../../protocol/protocol.ts";
import type { Rate } from "../rate.ts";
import type { RateStore, Taken } from "./store.ts";

export interface MemoryStoreOptions {
  /** Keys that are kept of each window length: S, M, H, D. Then the least used of the oldest keys is dropped. @default 100_000 */
  readonly maxKeys?: number | undefined;
  /** Clock in milliseconds that does not go back. @default `performance.now`, which a change of the system's time does not move */
  readonly now?: (() => number) | undefined;
}

/** Counts in this process. */
export interface MemoryStore extends RateStore {
  take(key: string, rate: Rate): Taken;
  /** Keys that are kept now. */
  readonly size: number;
}

/**
 * Makes a store that counts in this process. It has no timer: each request removes up to two ended windows, so that memory follows the
 * keys of the last window.
 */
export function memoryStore({ maxKeys = 100_000, now = monotonic }: MemoryStoreOptions = {}): MemoryStore {
  if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
    throw new TidingsError("bad_request", "memoryStore: maxKeys: expected a whole number from 1");
  }
  return new Counts(maxKeys, now);
}

/** Whole milliseconds: of two fractions `begin + length - begin` may be a little more than `length`, and a second would be told as two. */
const monotonic = (): number => Math.floor(performance.now());

class Counts implements MemoryStore {
  readonly #maxKeys: number;
  readonly #now: () => number;
  readonly #byWindow = new Map<number, WindowCounts>();

  constructor(maxKeys: number, now: () => number) {
    this.#maxKeys = maxKeys;
    this.#now = now;
  }

  take(key: string, { limit, windowMs }: Rate): Taken {
    let counts = this.#byWindow.get(windowMs);
    if (counts === undefined) {
      counts = new WindowCounts(windowMs, this.#maxKeys);
      this.#byWindow.set(windowMs, counts);
    }
    return counts.take(key, limit, this.#now());
  }

  get size(): number {
    return [...this.#byWindow.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

/** The window of a key, and its place in the list of windows, which is in the order of their beginnings. */
interface Entry {
  readonly key: string;
  endsAt: number;
  count: number;
  older: Entry;
  newer: Entry;
}

/** Entries that are compared when one must go: a key that is being refused stays longer than one that was used once. */
const COMPARED = 8;
/** Ended windows that a request removes: more than it adds. */
const REMOVED = 2;

/** Windows of one length. Since their lengths are equal, they end in the order in which they began. */
class WindowCounts {
  readonly #windowMs: number;
  readonly #maxKeys: number;
  readonly #entries = new Map<string, Entry>();
  /** Both ends of the list: `newer` is the oldest entry, `older` the newest one. */
  readonly #ends: Entry;

  constructor(windowMs: number, maxKeys: number) {
    this.#windowMs = windowMs;
    this.#maxKeys = maxKeys;
    const ends = { key: "", endsAt: Number.POSITIVE_INFINITY, count: 0 } as Entry; // the next line completes it
    ends.older = ends.newer = ends;
    this.#ends = ends;
  }

  get size(): number {
    return this.#entries.size;
  }

  take(key: string, limit: number, now: number): Taken {
    this.#removeEnded(now);
    let entry = this.#entries.get(key);
    if (entry === undefined) entry = this.#add(key, now);
    else if (now >= entry.endsAt) this.#restart(entry, now);
    const allowed = entry.count < limit;
    if (allowed) entry.count++;
    return { allowed, count: entry.count, resetMs: entry.endsAt - now };
  }

  #add(key: string, now: number): Entry {
    if (this.#entries.size >= this.#maxKeys) this.#drop();
    const entry = { key, endsAt: now + this.#windowMs, count: 0 } as Entry; // append completes it
    this.#append(entry);
    this.#entries.set(key, entry);
    return entry;
  }

  #restart(entry: Entry, now: number): void {
    unlink(entry);
    entry.endsAt = now + this.#windowMs;
    entry.count = 0;
    this.#append(entry);
  }

  #append(entry: Entry): void {
    const newest = this.#ends.older;
    entry.older = newest;
    entry.newer = this.#ends;
    newest.newer = entry;
    this.#ends.older = entry;
  }

  #removeEnded(now: number): void {
    for (let removed = 0; removed < REMOVED && this.#ends.newer.endsAt <= now; removed++) {
      this.#remove(this.#ends.newer);
    }
  }

  /** Drops the least used of the oldest entries. */
  #drop(): void {
    let least = this.#ends.newer;
    let entry = least.newer;
    for (let seen = 1; seen < COMPARED && entry !== this.#ends; seen++, entry = entry.newer) {
      if (entry.count < least.count) least = entry;
    }
    this.#remove(least);
  }

  #remove(entry: Entry): void {
    unlink(entry);
    this.#entries.delete(entry.key);
  }
}

function unlink(entry: Entry): void {
  entry.older.newer = entry.newer;
  entry.newer.older = entry.older;
}
