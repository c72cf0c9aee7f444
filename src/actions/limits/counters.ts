import { RateCounter, type RateSource } from "../../limit/limit.ts";

/** Keys that a limit remembers. Each costs some hundred bytes. */
const MAX_KEYS = 100_000;
/** Keys from which on those whose window is over are forgotten. */
const FIRST_SWEEP = 1_024;
/** Share of the keys that gives way at once when all are in use. */
const EVICTED_SHARE = 1 / 8;

/** Counter of one user or address. Connections keep it, so that a message needs no look-up. */
export class SharedCounter extends RateCounter {
  /** Last call of `take`. It begins as a fraction, so that V8 keeps it in place as a double. */
  takenAt = -0.5;
  /** Time to which what was taken reaches, each a gap after the one before. A double as well. */
  pacedTo = Number.NEGATIVE_INFINITY;
  /** True once the limit has forgotten the key: whoever holds the counter must look it up again. */
  isForgotten = false;
  /** Counters of the user's actions that have a rate of their own. */
  actions: Map<string, RateCounter> | undefined;

  /** Computes `pacedTo` with one more. @param burst so many may come without a gap */
  pacedWith(now: number, gapMs: number, burst: number): number {
    return Math.max(this.pacedTo, now - burst * gapMs) + gapMs;
  }
}

/** Counters by key, for a limit on users or addresses. They are bounded: with too many keys the oldest are forgotten. */
export class KeyedCounters {
  readonly #source: RateSource;
  readonly #maxKeys: number;
  readonly #counters = new Map<string, SharedCounter>();
  #sweepAt = FIRST_SWEEP;

  constructor(source: RateSource, maxKeys = MAX_KEYS) {
    this.#source = source;
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#counters.size;
  }

  /** The counter of a key, made at the first call. */
  of(key: string, now: number): SharedCounter {
    const known = this.#counters.get(key);
    if (known !== undefined) return known;
    if (this.#counters.size >= Math.min(this.#sweepAt, this.#maxKeys)) this.#makeRoom(now);
    const made = new SharedCounter(this.#source);
    // A counter that has counted nothing yet must not be swept before its owner uses it.
    made.takenAt = now;
    this.#counters.set(key, made);
    return made;
  }

  /** The counter of a key, if there is one. */
  find(key: string): SharedCounter | undefined {
    return this.#counters.get(key);
  }

  /** Takes one from the allowance of a key. @returns 0, or the milliseconds until there is room again */
  take(key: string, now: number): number {
    const counter = this.of(key, now);
    counter.takenAt = now;
    return counter.take(now) ? 0 : Math.max(1, counter.retryAfterMs(now));
  }

  /** Forgets every key whose window is over. Where all are in use, the oldest give way. */
  #makeRoom(now: number): void {
    const { windowMs } = this.#source.rate;
    const isFull = this.#counters.size >= this.#maxKeys;
    for (const [key, counter] of this.#counters)
      if (now - counter.takenAt >= windowMs) this.#forget(key, counter);
    // A sweep walks all keys, so it must free many.
    const goal = this.#maxKeys * (1 - EVICTED_SHARE);
    if (isFull) {
      for (const [key, counter] of this.#counters) {
        if (this.#counters.size <= goal) break;
        this.#forget(key, counter);
      }
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#counters.size);
  }

  #forget(key: string, counter: SharedCounter): void {
    counter.isForgotten = true;
    this.#counters.delete(key);
  }
}
