import { EMPTY } from "./outbox.ts";
import type { Shard } from "./shard.ts";

/** Writes between two turns of the event loop: 3 to 6 ms on one core. */
const WRITES_PER_TURN = 512;
/** Of them before the tick is over: what publishes to many users at once must not hold up the loop either. */
const EARLY_WRITES_PER_TICK = 128;

/**
 * Ends the tick: writes every outbox that has something to write, shard by shard, and yields to the event loop in
 * between, so that a broadcast to 100,000 connections does not keep reads, pings and the HTTP API waiting.
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

  /** Grants a write before the tick is over, to shards that `wake` was called for. */
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
    EMPTY.forget();
    this.#immediate = this.#queue.length === 0 ? undefined : setImmediate(this.#turn);
  };
}
