/** Bytes that the node holds for one client. */
export interface Holding {
  /** Counted by {@link InboundBytes} alone. */
  bytes: number;
  /** Ends the client's connection, which frees the bytes. */
  giveUp(): void;
}

/** Share of the limit that is freed at once, so that a full node does not search the heaviest holding at every read. */
const FREED_SHARE = 1 / 8;

/**
 * Budget of the node for bytes that it has received and not handled: unfinished messages, and texts that wait. At its
 * end the heaviest holdings give way.
 */
export class InboundBytes {
  readonly limit: number;
  readonly #holdings = new Set<Holding>();
  #total = 0;
  #cut = 0;

  /** @param limit bytes of all holdings together */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes of all holdings. */
  get total(): number {
    return this.#total;
  }

  /** Connections that were ended because the node held too much. */
  get cut(): number {
    return this.#cut;
  }

  add(holding: Holding, bytes: number): void {
    this.#holdings.add(holding);
    holding.bytes += bytes;
    this.#total += bytes;
    if (this.#total > this.limit) this.#makeRoom();
  }

  release(holding: Holding): void {
    this.#holdings.delete(holding);
    this.#total -= holding.bytes;
    holding.bytes = 0;
  }

  #makeRoom(): void {
    const goal = this.limit * (1 - FREED_SHARE);
    const heaviestFirst = [...this.#holdings].sort((one, other) => other.bytes - one.bytes);
    for (const holding of heaviestFirst) {
      if (this.#total <= goal) return;
      this.release(holding);
      this.#cut++;
      holding.giveUp();
    }
  }
}
