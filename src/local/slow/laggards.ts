import type { Outbox } from "../outbox.ts";

/** Interval of the checks. They run only while a socket takes bytes more slowly than they come. */
const CHECK_MS = 100;

/** Share of the limit that is freed at once. */
const FREED_SHARE = 1 / 8;

/**
 * Budget of the node for bytes that wait in send queues and sockets. An outbox joins when its socket does not take a
 * write at once; a timer counts, so that a delivery costs nothing. At the end of the budget the connections with most
 * bytes give way.
 */
export class Laggards {
  readonly #limit: number;
  readonly #giveWay: (outboxes: ReadonlySet<Outbox>) => void;
  readonly #lagging = new Set<Outbox>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param limit bytes of all outboxes together
   * @param giveWay ends the connections of outboxes
   */
  constructor(limit: number, giveWay: (outboxes: ReadonlySet<Outbox>) => void) {
    this.#limit = limit;
    this.#giveWay = giveWay;
  }

  readonly add = (outbox: Outbox): void => {
    this.#lagging.add(outbox);
    this.#timer ??= setInterval(this.#check, CHECK_MS).unref();
  };

  /** Outboxes that had unsent bytes at the last check. */
  get outboxes(): Iterable<Outbox> {
    return this.#lagging;
  }

  /** Outboxes with unsent bytes, and these bytes. */
  count(): { connections: number; bytes: number } {
    const weighed = this.#weighed();
    return { connections: weighed.length, bytes: weighed.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Outboxes with unsent bytes, those with most of them first. */
  heaviest(): Outbox[] {
    const weighed = this.#weighed().sort((one, other) => other.bytes - one.bytes);
    return weighed.map(({ outbox }) => outbox);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#lagging.clear();
  }

  readonly #check = (): void => {
    let sum = 0;
    for (const outbox of this.#lagging) {
      const { unsentBytes } = outbox;
      if (unsentBytes === 0) this.#lagging.delete(outbox);
      sum += unsentBytes;
    }
    if (this.#lagging.size === 0) this.stop();
    // The sum counts a frame once for each connection that shares it.
    const bytes = sum > this.#limit ? this.#distinctBytes() : sum;
    if (bytes > this.#limit) this.#makeRoom(bytes - this.#limit * (1 - FREED_SHARE));
  };

  #weighed(): { outbox: Outbox; bytes: number }[] {
    const weighed = [...this.#lagging].map((outbox) => ({ outbox, bytes: outbox.unsentBytes }));
    return weighed.filter(({ bytes }) => bytes > 0);
  }

  #distinctBytes(): number {
    const seen = new Set<unknown>();
    let bytes = 0;
    for (const outbox of this.#lagging) bytes += outbox.distinctBytes(seen);
    return bytes;
  }

  #makeRoom(excess: number): void {
    const chosen = new Set<Outbox>();
    let freed = 0;
    for (const outbox of this.heaviest()) {
      if (freed >= excess) break;
      freed += outbox.unsentBytes;
      chosen.add(outbox);
      this.#lagging.delete(outbox);
    }
    this.#giveWay(chosen);
  }
}
