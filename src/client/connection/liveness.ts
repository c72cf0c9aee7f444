import type { Cancel, Timers } from "./timers.ts";

export interface LivenessOptions {
  readonly timers: Timers;
  /** Sends a ping, which the server answers with a pong. */
  readonly ping: () => void;
  /** Called when no frame arrived for two heartbeats. */
  readonly lost: () => void;
}

/**
 * Detects a connection that died without a close frame. Programs cannot see the server's WebSocket pings, because
 * browsers answer them internally. An idle client therefore sends a ping after one heartbeat and gives up after
 * another.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  #heartbeatMs = 0;
  #heardAt = 0;
  #cancel: Cancel | undefined;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** Starts to watch a connection. @param heartbeatMs the server's ping interval; 0: the connection is not watched */
  start(heartbeatMs: number): void {
    this.stop();
    this.#heartbeatMs = heartbeatMs;
    this.heard();
    if (heartbeatMs > 0) this.#check(heartbeatMs);
  }

  /** Notes that a frame arrived. It runs for every frame, so it touches no timer. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  stop(): void {
    this.#cancel?.();
  }

  #check(delayMs: number): void {
    this.#cancel = this.#options.timers.after(delayMs, () => {
      const idleMs = performance.now() - this.#heardAt;
      // Timers may fire up to 1 ms early by this clock.
      if (idleMs < this.#heartbeatMs - 1) this.#check(this.#heartbeatMs - idleMs);
      else this.#probe();
    });
  }

  /** Only an unanswered ping counts as a loss: in a hidden tab, or after sleep, the timer itself is late. */
  #probe(): void {
    const heardBefore = this.#heardAt;
    this.#options.ping();
    this.#cancel = this.#options.timers.after(this.#heartbeatMs, () => {
      if (this.#heardAt === heardBefore) this.#options.lost();
      else this.#check(this.#heartbeatMs);
    });
  }
}
