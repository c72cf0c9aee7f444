import type { RateSource } from "../../limit/limit.ts";
import { KeyedCounters } from "./counters.ts";

/** Least time between two connects of one address after a burst. So it has 100 a second at most, which cost a node an eighth of a core. */
const GAP_MS = 10;

/** Connects of one address that begin at once. */
const BURST = 20;

/** A connect that would have to wait longer is refused, unless the caller says a shorter time. */
const MAX_WAIT_MS = 5_000;

/** The decision about a connect: it begins after `waitMs`, or is refused and may come again after `retryAfterMs`. */
export interface ConnectDecision {
  readonly waitMs: number;
  /** 0 when the connect is not refused. */
  readonly retryAfterMs: number;
}

const AT_ONCE: ConnectDecision = { waitMs: 0, retryAfterMs: 0 };

/**
 * Limits the connects of each address: their number by a rate, and their pace, because a whole minute's allowance in one second would delay everybody
 * else. An address that goes on after many refusals is abusive until the window of its refusals ends.
 */
export class ConnectLimits {
  readonly #source: RateSource;
  readonly #counters: KeyedCounters;
  readonly #refusals: KeyedCounters;
  /** Time until which some address is abusive: nearly always in the past, so that a new socket costs a comparison. */
  #abuseUntil = 0;

  /** @param refusals refused connects of an address within a window after which it is abusive */
  constructor(source: RateSource, refusals: RateSource) {
    this.#source = source;
    this.#counters = new KeyedCounters(source);
    this.#refusals = new KeyedCounters(refusals);
  }

  /**
   * Counts a connect.
   * @param key the address, as one client has it
   * @param maxWaitMs a connect that would have to wait longer is refused
   */
  take(key: string, now: number, maxWaitMs = MAX_WAIT_MS): ConnectDecision {
    const { limit, windowMs } = this.#source.rate;
    const gapMs = Math.min(GAP_MS, windowMs / limit);
    const counter = this.#counters.of(key, now);
    counter.takenAt = now;
    const pacedTo = counter.pacedWith(now, gapMs, BURST);
    const waitMs = Math.max(0, pacedTo - now);
    // No abuse: a company that reconnects as a whole comes so fast, too.
    if (waitMs > maxWaitMs) return refused(waitMs);
    if (!counter.take(now)) return this.#refuse(key, now, counter.retryAfterMs(now));
    counter.pacedTo = pacedTo;
    return waitMs === 0 ? AT_ONCE : { waitMs, retryAfterMs: 0 };
  }

  /** True while any address is abusive. */
  hasAbuse(now: number): boolean {
    return now < this.#abuseUntil;
  }

  isAbusive(key: string, now: number): boolean {
    return (this.#refusals.find(key)?.retryAfterMs(now) ?? 0) > 0;
  }

  #refuse(key: string, now: number, retryAfterMs: number): ConnectDecision {
    this.#refusals.take(key, now);
    const abusiveMs = this.#refusals.of(key, now).retryAfterMs(now);
    if (abusiveMs > 0) this.#abuseUntil = Math.max(this.#abuseUntil, now + abusiveMs);
    return refused(retryAfterMs);
  }
}

const refused = (retryAfterMs: number): ConnectDecision => ({
  waitMs: 0,
  retryAfterMs: Math.max(1, Math.ceil(retryAfterMs)),
});
