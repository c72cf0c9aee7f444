import { EMPTY } from "./outbox.ts";
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
  #immediate: NodeJS.Immediate | undefined;
  #earlyWrites = 0;

  constructor(shardsPerTurn: number) {
    this.#shardsPerTurn = shardsPerTurn;
  }

  readonly wake = (shard: Shard): void => {
    this.#queue.push(shard);
    this.#immediate ??= setImmediate(this.#turn);
  };

  /** Grants one write before the end of the tick, to shards that called `wake`. */
  readonly mayWriteNow = (): boolean => this.#earlyWrites++ < EARLY_WRITES_PER_TICK;

  stop(): void {
    clearImmediate(this.#immediate);
    this.#queue = [];
  }

  readonly #turn = (): void => {
    let writes = 0;
    let shards = 0;
    for (const shard of this.#queue) {
      writes += shard.flush(WRITES_PER_TURN - writes);
      if (!shard.isFlushed) break;
      shards++;
      if (shards === this.#shardsPerTurn || writes >= WRITES_PER_TURN) break;
    }
    this.#queue.splice(0, shards);
    this.#earlyWrites = 0;
    EMPTY.clearCache();
    this.#immediate = this.#queue.length === 0 ? undefined : setImmediate(this.#turn);
  };
}
