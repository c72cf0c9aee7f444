import type { Health } from "../port.ts";
import { type Connection, lua, script } from "./connection/connection.ts";
import { PartitionMoving } from "./partitions/partitions.ts";
import { REGISTRY } from "./wire/keys.ts";

export const TIME = script(
  "time",
  lua`
-- KEYS[1]  base of a partition
-- reply    milliseconds since 1970, by the clock of Redis
return now()
`,
  { checksBirth: false },
);

/** Samples at the start and after an outage. */
const FIRST_SAMPLES = 3;
/** A difference from which the operator is told. */
const SKEW_MS = 1_000;
/** Growth of the error of a sample between two samples: clocks drift. */
const DRIFT_MS = 1;

export interface RedisClockParts {
  readonly connection: Connection;
  /** The node's own clock, in milliseconds since 1970. */
  readonly now: () => number;
  readonly everyMs: number;
  readonly health: Health;
}

/**
 * The clock of Redis, as this node knows it: its own clock and the measured difference. Redis decides by its clock about
 * everything that nodes share, so what nodes write down must be of that clock too.
 */
export class RedisClock {
  readonly #parts: RedisClockParts;
  #timer: NodeJS.Timeout | undefined;
  /** Time of Redis minus `performance.now()`, in milliseconds. */
  #base: number;
  /** Largest error of {@link #base}. */
  #errorMs = Number.POSITIVE_INFINITY;
  #time = 0;
  #isRead = false;

  constructor(parts: RedisClockParts) {
    this.#parts = parts;
    this.#base = parts.now() - performance.now();
  }

  /**
   * Milliseconds since 1970 by the clock of Redis. Between two samples time passes by a clock that nobody sets: when the
   * node's own clock jumps, timestamps do not. The time is read once per run of code and its microtasks: a reading costs
   * 0.2 µs on some machines, a tenth of a message.
   */
  readonly now = (): number => {
    if (!this.#isRead) {
      this.#time = Math.floor(this.#base + performance.now());
      this.#isRead = true;
      queueMicrotask(this.#forget);
    }
    return this.#time;
  };

  /** Time of Redis minus the node's own clock, in milliseconds. */
  get offsetMs(): number {
    return Math.round(this.#base + performance.now() - this.#parts.now());
  }

  /** Measures the difference, at the start and after each outage: Redis may be another machine then. */
  async start(): Promise<void> {
    this.#errorMs = Number.POSITIVE_INFINITY;
    try {
      for (let sample = 0; sample < FIRST_SAMPLES; sample++) await this.#measure();
    } catch (error) {
      if (!(error instanceof PartitionMoving)) throw error;
    }
    this.#timer ??= setInterval(() => void this.#measureAgain(), this.#parts.everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  readonly #forget = (): void => {
    this.#isRead = false;
  };

  async #measureAgain(): Promise<void> {
    if (!this.#parts.connection.isUp) return;
    // Without an answer the last sample stays in force.
    await this.#measure().catch(() => undefined);
  }

  async #measure(): Promise<void> {
    const sentAt = performance.now();
    const time = Number(await this.#parts.connection.exec(TIME, REGISTRY, []));
    const answeredAt = performance.now();
    this.#sampled(time - (sentAt + answeredAt) / 2, (answeredAt - sentAt) / 2 + 1);
    this.#tell();
  }

  /** Takes the sample with the smaller error, and any that the present one excludes: then a clock was set. */
  #sampled(base: number, errorMs: number): void {
    this.#errorMs += DRIFT_MS;
    const wasSet = Math.abs(base - this.#base) > errorMs + this.#errorMs;
    if (!wasSet && errorMs > this.#errorMs) return;
    this.#base = base;
    this.#errorMs = errorMs;
  }

  #tell(): void {
    const { health } = this.#parts;
    const { offsetMs } = this;
    if (Math.abs(offsetMs) <= SKEW_MS) health.restore("clock");
    else health.degrade("clock", skewed(offsetMs));
  }
}

/** Rounded, so that drift alone is no news. */
function skewed(offsetMs: number): string {
  const seconds = Math.round(Math.abs(offsetMs) / 1_000);
  const direction = offsetMs > 0 ? "behind" : "ahead of";
  return `the clock of this node is about ${seconds} s ${direction} the clock of Redis: synchronise both (NTP)`;
}
