import { EMPTY, type Outbox } from "./outbox.ts";
import type { Shard } from "./shard.ts";

/** Writes in one turn of the event loop: 3 to 6 ms on one core. */
const WRITES_PER_TURN = 512;
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

  stop(): void {
    clearImmediate(this.#immediate);
    this.#queue = [];
    this.#ahead = [];
  }

  readonly #turn = (): void => {
    let writes = this.#isBehind ? this.#writeAhead(WRITES_PER_TURN / 2) : 0;
    let shards = 0;
    for (const shard of this.#queue) {
      writes += shard.flush(WRITES_PER_TURN - writes);
      if (!shard.isFlushed) break;
      shards++;
      if (shards === this.#shardsPerTurn || writes >= WRITES_PER_TURN) break;
    }
    this.#queue.splice(0, shards);
    const isDone = this.#queue.length === 0;
    if (isDone) this.#ahead = [];
    this.#isBehind = !isDone && writes >= WRITES_PER_TURN;
    this.#earlyWrites = 0;
    EMPTY.clearCache();
    this.#immediate = isDone ? undefined : setImmediate(this.#turn);
  };

  /** Writes up to `limit` of the outboxes that are in a hurry. @returns the number written */
  #writeAhead(limit: number): number {
    const outboxes = this.#ahead.length <= limit ? this.#ahead : this.#ahead.slice(0, limit);
    this.#ahead = this.#ahead.slice(outboxes.length);
    for (const outbox of outboxes) outbox.flush();
    return outboxes.length;
  }
}
