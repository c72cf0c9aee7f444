import { EMPTY, type Outbox } from "./outbox.ts";
import type { Shard } from "./shard.ts";

/** Time for writes in one turn of the event loop; after other work that took longer as much as that, up to the most. */
const TURN_MS = { usual: 4, most: 50 };
/** Writes between two looks at the clock: 0.2 to 0.8 ms on one core. */
const WRITES_PER_LOOK = 64;
/** Writes before the end of a tick. The limit keeps a publisher to many users from blocking the event loop. */
const EARLY_WRITES_PER_TICK = 128;

/**
 * Ends the tick: writes every outbox with pending frames, shard by shard, and yields to the event loop in between. A
 * broadcast to 100,000 connections would otherwise block reads, pings and the HTTP API.
 */
export class Flusher {
  readonly #shardsPerTurn: number;
  #queue: Shard[] = [];
  /** Outboxes of the queue's shards with a frame that must not wait for a broadcast. Some may be written already. */
  #ahead: Outbox[] = [];
  /** True while a tick takes longer than a turn: then those of `#ahead` go first, and take half of a turn at most. */
  #isBehind = false;
  /** When it became so, by the monotonic clock. */
  #behindSince = 0;
  /** When the last turn ended. */
  #endedAt = 0;
  #immediate: NodeJS.Immediate | undefined;
  #earlyWrites = 0;

  constructor(shardsPerTurn: number) {
    this.#shardsPerTurn = shardsPerTurn;
  }

  readonly wake = (shard: Shard): void => {
    this.#queue.push(shard);
    this.#immediate ??= setImmediate(this.#turn);
  };

  /** Writes an outbox before its turn has come, when the tick takes long. Its shard is awake. */
  readonly hurry = (outbox: Outbox): void => {
    this.#ahead.push(outbox);
  };

  /** Grants one write before the end of the tick, to shards that called `wake`. */
  readonly mayWriteNow = (): boolean => this.#earlyWrites++ < EARLY_WRITES_PER_TICK;

  /** For how long pending frames may have waited for a write, in milliseconds: 0 while every tick ends in one turn. */
  get lateMs(): number {
    return this.#isBehind ? performance.now() - this.#behindSince : 0;
  }

  stop(): void {
    clearImmediate(this.#immediate);
    this.#queue = [];
    this.#ahead = [];
  }

  readonly #turn = (): void => {
    const startedAt = performance.now();
    const until = startedAt + this.#shareOf(startedAt);
    if (this.#isBehind) this.#writeAhead((startedAt + until) / 2);
    const isInTime = this.#writeShards(until);
    const isDone = this.#queue.length === 0;
    if (isDone) this.#ahead = [];
    this.#beBehind(!isDone && !isInTime);
    this.#earlyWrites = 0;
    EMPTY.clearCache();
    this.#immediate = isDone ? undefined : setImmediate(this.#turn);
  };

  /** Time that a turn gets. On a busy node that is as much as other work took: it would else write the less, the busier it is. */
  #shareOf(now: number): number {
    return this.#isBehind
      ? Math.min(TURN_MS.most, Math.max(TURN_MS.usual, now - this.#endedAt))
      : TURN_MS.usual;
  }

  /** Writes the shards of one turn. @returns false when the time is up before their end */
  #writeShards(until: number): boolean {
    let shards = 0;
    let isInTime = true;
    for (const shard of this.#queue) {
      do {
        shard.flush(WRITES_PER_LOOK);
        isInTime = performance.now() < until;
      } while (isInTime && !shard.isFlushed);
      if (!shard.isFlushed) break;
      shards++;
      if (shards === this.#shardsPerTurn || !isInTime) break;
    }
    this.#queue.splice(0, shards);
    return isInTime;
  }

  #beBehind(isBehind: boolean): void {
    if (isBehind) this.#endedAt = performance.now();
    if (isBehind && !this.#isBehind) this.#behindSince = this.#endedAt;
    this.#isBehind = isBehind;
  }

  /** Writes outboxes that are in a hurry until the time is up. */
  #writeAhead(until: number): void {
    let written = 0;
    for (const outbox of this.#ahead) {
      outbox.flush();
      written++;
      if (written % WRITES_PER_LOOK === 0 && performance.now() >= until) break;
    }
    this.#ahead.splice(0, written);
  }
}
