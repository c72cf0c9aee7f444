import type { Holding, InboundBytes } from "./inbound-bytes.ts";

/** Interval of the checks, which run only while a socket is paused. */
const CHECK_MS = 100;

/** A socket that the node does not read, as the budget uses it. */
export interface Paused {
  /** Bytes received and not read. */
  readonly readableLength: number;
}

/**
 * Counts in the node's budget what paused sockets have received. Node reads on after a pause until the buffer of the socket
 * is full, and no event tells it: up to 128 KiB for each.
 */
export class ReadAhead {
  readonly #budget: InboundBytes;
  readonly #paused = new Map<Holding, { readonly socket: Paused; counted: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(budget: InboundBytes) {
    this.#budget = budget;
  }

  /** A socket was paused. @param holding that its bytes are added to, until {@link forget} and the holding's release */
  watch(holding: Holding, socket: Paused): void {
    if (this.#paused.has(holding)) return;
    this.#paused.set(holding, { socket, counted: 0 });
    this.#timer ??= setInterval(() => this.#check(), CHECK_MS).unref();
  }

  /** The socket is read again, or has ended. */
  forget(holding: Holding): void {
    if (!this.#paused.delete(holding) || this.#paused.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    for (const [holding, entry] of this.#paused) {
      const more = entry.socket.readableLength - entry.counted;
      if (more <= 0) continue;
      entry.counted += more;
      this.#budget.add(holding, more);
    }
  }
}
