import { EMPTY, type Outbox } from "./outbox.ts";
import type { Shard } from "./shard.ts";

/** Writes in one turn of the event loop: 3 to 6 ms on one core. */
const WRITES_PER_TURN = 512;
/** Writes in a turn after other work that took long, at most. */
const MOST_WRITES_PER_TURN = 4_096;
/** Other work between two turns for which a turn has {@link WRITES_PER_TURN}. After more, it has as many more. */
const OTHER_WORK_MS = 5;
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
  /** True while a tick has more writes than a turn: then those of `#ahead` go first, and take half of a turn at most. */
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
    const most = this.#isBehind ? this.#mostWrites() : WRITES_PER_TURN;
    let writes = this.#isBehind ? this.#writeAhead(most / 2) : 0;
    let shards = 0;
    for (const shard of this.#queue) {
      writes += shard.flush(most - writes);
      if (!shard.isFlushed) break;
      shards++;
      if (shards === this.#shardsPerTurn || writes >= most) break;
    }
    this.#queue.splice(0, shards);
    const isDone = this.#queue.length === 0;
    if (isDone) this.#ahead = [];
    this.#beBehind(!isDone && writes >= most);
    this.#earlyWrites = 0;
    EMPTY.clearCache();
    this.#immediate = isDone ? undefined : setImmediate(this.#turn);
  };

  #beBehind(isBehind: boolean): void {
    if (isBehind) this.#endedAt = performance.now();
    if (isBehind && !this.#isBehind) this.#behindSince = this.#endedAt;
    this.#isBehind = isBehind;
  }

  /** As many writes as take the time of the other work since the last turn: a busy node would else write the less, the busier it is. */
  #mostWrites(): number {
    const share = (performance.now() - this.#endedAt) / OTHER_WORK_MS;
    return Math.min(MOST_WRITES_PER_TURN, WRITES_PER_TURN * Math.max(1, Math.round(share)));
  }

  /** Writes up to `limit` of the outboxes that are in a hurry. @returns the number written */
  #writeAhead(limit: number): number {
    const outboxes = this.#ahead.length <= limit ? this.#ahead : this.#ahead.slice(0, limit);
    this.#ahead = this.#ahead.slice(outboxes.length);
    for (const outbox of outboxes) outbox.flush();
    return outboxes.length;
  }
}
