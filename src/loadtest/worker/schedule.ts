/** Events that happen at most in one turn, so that reading goes on while a late schedule catches up. */
const MOST_PER_TURN = 500;

export interface ScheduleOptions {
  /** Now, in microseconds. */
  readonly now: () => number;
  readonly fromUs: number;
  readonly perSecond: number;
  /** How many events there are. */
  readonly count: number;
  /** Called for each event with the time for which it was planned, at that time or later. */
  readonly onDue: (index: number, plannedUs: number) => void;
}

/**
 * An open loop: events happen at a steady rate, whatever becomes of the earlier ones, and each knows its planned time. A loop that
 * waits for answers sends less while the server is slow, and its latencies leave out what users would have waited (coordinated omission).
 */
export class Schedule {
  /** Resolves when all events have happened, or it was stopped. */
  readonly done: Promise<void>;
  readonly #options: ScheduleOptions;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;
  #finish = (): void => {};

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#turn();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#next = this.#options.count;
    this.#finish();
  }

  #turn(): void {
    const { now, count, onDue } = this.#options;
    const time = now();
    const until = Math.min(count, this.#next + MOST_PER_TURN);
    while (this.#next < until && this.#plannedUs() <= time) onDue(this.#next, this.#plannedUs(this.#next++));
    if (this.#next >= count) return void this.#finish();
    const waitUs = this.#plannedUs() - now();
    if (waitUs <= 0) setImmediate(() => this.#turn());
    else this.#timer = setTimeout(() => this.#turn(), waitUs / 1_000);
  }

  #plannedUs(index = this.#next): number {
    const { fromUs, perSecond } = this.#options;
    return Math.round(fromUs + (index * 1e6) / perSecond);
  }
}
