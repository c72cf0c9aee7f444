import type { Cancel, Timers } from "./timers.ts";

export interface LivenessOptions {
  readonly timers: Timers;
  /** Sends a ping, which the server answers with a pong. */
  readonly ping: () => void;
  /** Called when a ping was answered. */
  readonly proven: () => void;
  /** Called when a ping was not answered in time: the connection is dead. */
  readonly lost: (reason: string) => void;
}

/** Timeout of a ping, in milliseconds. */
export const PROBE_MS = 5_000;

/** A program that was blocked or frozen runs late timers before it reads the answer that has arrived. */
const LATE_MS = 50;

/** While frames arrive, their queue may be what delays the pong. The probe goes on for so many timeouts at most. */
const MAX_ROUNDS = 6;

/**
 * Liveness by proof: a connection is alive when the server answered a ping. Programs cannot see the WebSocket pings of
 * the server, because browsers answer them internally, and a connection that died without a close frame looks open.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  #heartbeatMs = 0;
  #heardAt = 0;
  #isWatching = false;
  #isProbing = false;
  #cancel: Cancel | undefined;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /**
   * Starts to watch a connection, which is probed after a silence of one heartbeat.
   * @param heartbeatMs the server's ping interval; 0: only {@link probe} asks for a proof
   */
  start(heartbeatMs: number): void {
    this.stop();
    this.#isWatching = true;
    this.#heartbeatMs = heartbeatMs;
    this.heard();
    this.#check(heartbeatMs);
  }

  /** Notes that a frame arrived. It runs for every frame, so it touches no timer. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** Notes that a pong arrived. */
  pong(): void {
    if (!this.#isProbing) return;
    this.#cancel?.();
    this.#isProbing = false;
    this.#options.proven();
    this.#check(this.#heartbeatMs);
  }

  /** Demands a proof of life within 5 s, unless a probe runs already. */
  probe(): void {
    if (!this.#isWatching || this.#isProbing) return;
    this.#cancel?.();
    this.#isProbing = true;
    this.#options.ping();
    this.#await(MAX_ROUNDS);
  }

  stop(): void {
    this.#cancel?.();
    this.#isWatching = false;
    this.#isProbing = false;
  }

  #check(delayMs: number): void {
    if (this.#heartbeatMs === 0) return;
    this.#cancel = this.#options.timers.after(delayMs, () => {
      const idleMs = performance.now() - this.#heardAt;
      // Timers may fire up to 1 ms early by this clock.
      if (idleMs < this.#heartbeatMs - 1) this.#check(this.#heartbeatMs - idleMs);
      else this.probe();
    });
  }

  #await(rounds: number): void {
    const { timers, lost } = this.#options;
    const heardBefore = this.#heardAt;
    const timeoutMs = Math.min(PROBE_MS, this.#heartbeatMs || PROBE_MS);
    this.#cancel = timers.after(Math.max(timeoutMs - LATE_MS, 0), () => {
      this.#cancel = timers.after(LATE_MS, () => {
        if (this.#heardAt > heardBefore && rounds > 1) this.#await(rounds - 1);
        else lost(`no pong within ${timeoutMs} ms`);
      });
    });
  }
}
