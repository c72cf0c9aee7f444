import { type EncodedIntervals, Intervals } from "./intervals.ts";

/** What an arrival says about the order of its stream. */
export type Arrival = "next" | "ahead" | "late" | "duplicate";

/** What was sent on a stream: the numbers below `next`, except those that the server did not take. */
export interface Sent {
  readonly stream: number;
  readonly next: number;
  /** Numbers that were refused, or whose fate is unknown because the connection broke: they are no loss. */
  readonly excused: EncodedIntervals;
}

/**
 * The numbers of one stream, 0, 1, 2, …, as one receiver gets them. It knows each number that is missing, so that loss, duplicates
 * and order are exact, in memory that grows with the holes and not with the messages.
 */
export class Arrivals {
  #next = 0;
  #taken = 0;
  #missing: Intervals | undefined;

  /** How many different numbers have come. */
  get taken(): number {
    return this.#taken;
  }

  /** @returns `late` for a number that a later one has overtaken */
  take(number: number): Arrival {
    if (number === this.#next) {
      this.#next++;
      this.#taken++;
      return "next";
    }
    if (number > this.#next) {
      this.#missing ??= new Intervals();
      this.#missing.add(this.#next, number - 1);
      this.#next = number + 1;
      this.#taken++;
      return "ahead";
    }
    if (this.#missing?.delete(number) !== true) return "duplicate";
    this.#taken++;
    return "late";
  }

  /** How many numbers that were sent are missing. */
  lost({ next, excused }: Sent): number {
    const missing = this.#missing;
    const tail = Intervals.of(this.#next < next ? [[this.#next, next - 1]] : []);
    const holes = missing === undefined ? 0 : missing.size - missing.common(excused) + missing.forgotten;
    return holes + tail.size - tail.common(excused);
  }
}
