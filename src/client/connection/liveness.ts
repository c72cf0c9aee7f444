import type { Cancel, Timers } from "./timers.ts";

export interface SilenceOptions {
  readonly timers: Timers;
  /** Asks the server for a sign of life. */
  readonly ping: () => void;
  /** Nothing came for two heartbeats. */
  readonly lost: () => void;
}

/**
 * Notices a connection that died without a close. Programs cannot see the pings of the server (browsers answer them
 * below), so an idle client asks for a `pong` after one heartbeat and gives up after another.
 */
export class SilenceWatch {
  readonly #options: SilenceOptions;
  #heartbeatMs = 0;
  #heardAt = 0;
  #cancel: Cancel | undefined;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  start(heartbeatMs: number): void {
    this.stop();
    this.#heartbeatMs = heartbeatMs;
    this.heard();
    if (heartbeatMs > 0) this.#look(heartbeatMs);
  }

  /** Something came. Called for every frame, so it touches no timer. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  stop(): void {
    this.#cancel?.();
  }

  #look(delayMs: number): void {
    this.#cancel = this.#options.timers.after(delayMs, () => {
      const idleMs = performance.now() - this.#heardAt;
      // Timers may fire a little early by this clock.
      if (idleMs < this.#heartbeatMs - 1) this.#look(this.#heartbeatMs - idleMs);
      else this.#probe();
    });
  }

  /** Only an unanswered ping means loss: in a hidden tab or after sleep the timer itself is late. */
  #probe(): void {
    const heardBefore = this.#heardAt;
    this.#options.ping();
    this.#cancel = this.#options.timers.after(this.#heartbeatMs, () => {
      if (this.#heardAt === heardBefore) this.#options.lost();
      else this.#look(this.#heartbeatMs);
    });
  }
}
