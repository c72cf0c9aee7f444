import { type EncodedIntervals, Intervals, sizeOf } from "./intervals.ts";

/** What an arrival says about the order of its stream. */
export type Arrival = "next" | "ahead" | "late" | "duplicate";

/** What was sent on a stream: the numbers below `next`, except those that the server did not take. */
export interface Sent {
  readonly stream: number;
  readonly next: number;
  /** Numbers that were refused, or whose fate is unknown because the connection broke: they are no loss. */
  readonly excused: EncodedIntervals;
  /** How many more excused numbers there were, below those of `excused`, that are no longer known by name. */
  readonly forgotten: number;
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

  /**
   * How many numbers that were sent are missing. Where missing or excused numbers are no longer known by name, only their counts
   * are compared: an excused number that came all the same hides a lost one there.
   */
  lost({ next, excused, forgotten }: Sent): number {
    const holes = this.#missing ?? new Intervals();
    const tail = Intervals.of(this.#next < next ? [[this.#next, next - 1]] : []);
    const known = Math.max(
      holes.forgotten === 0 ? 0 : (holes.encode()[0]?.[0] ?? this.#next),
      forgotten === 0 ? 0 : (excused[0]?.[0] ?? next),
    );
    const common = (other: EncodedIntervals): number => holes.common(other) + tail.common(other);
    const vague = common([[0, known - 1]]);
    const named = excused.flatMap(([from, to]) => (to < known ? [] : [[Math.max(from, known), to] as const]));
    const vaguelyExcused = forgotten + sizeOf(excused) - sizeOf(named);
    const exact = holes.size + tail.size - vague - common(named);
    return exact + Math.max(0, holes.forgotten + vague - vaguelyExcused);
  }
}
