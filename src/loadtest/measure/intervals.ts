/** Most intervals of a set. */
const MOST = 1_000;

/** A set of whole numbers as JSON: `[from, to]`, both included, ascending and apart. */
export type EncodedIntervals = readonly (readonly [number, number])[];

/** How many numbers are in the set. */
export const sizeOf = (encoded: EncodedIntervals): number =>
  encoded.reduce((sum, [from, to]) => sum + to - from + 1, 0);

/** A set of whole numbers, kept as intervals: neighbours are one, so that an outage of 10,000 messages takes two numbers. */
export class Intervals {
  readonly #list: [number, number][] = [];
  #size = 0;
  #forgotten = 0;

  static of(encoded: EncodedIntervals): Intervals {
    const intervals = new Intervals();
    for (const [from, to] of encoded) intervals.add(from, to);
    return intervals;
  }

  /** How many numbers are in the set. */
  get size(): number {
    return this.#size;
  }

  /** How many numbers were in the set and are no longer known by name, because there were too many holes between them. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Adds `from` to `to`, both included. None of them may be in the set. */
  add(from: number, to: number): void {
    const at = this.#firstFrom(from);
    const [before, after] = [this.#list[at - 1], this.#list[at]];
    this.#size += to - from + 1;
    const joinsBefore = before !== undefined && before[1] === from - 1;
    const joinsAfter = after !== undefined && after[0] === to + 1;
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      this.#list.splice(at, 1);
    } else if (joinsBefore) before[1] = to;
    else if (joinsAfter) after[0] = from;
    else this.#list.splice(at, 0, [from, to]);
    if (this.#list.length > MOST) this.#forgetFirst();
  }

  has(number: number): boolean {
    return this.#around(number) !== undefined;
  }

  /** Removes a number. @returns whether it was there */
  delete(number: number): boolean {
    const found = this.#around(number);
    if (found === undefined) return false;
    const at = this.#list.indexOf(found);
    const [from, to] = found;
    const parts: [number, number][] = [];
    if (from < number) parts.push([from, number - 1]);
    if (number < to) parts.push([number + 1, to]);
    this.#list.splice(at, 1, ...parts);
    this.#size--;
    return true;
  }

  /** How many numbers of this set are in another one. */
  common(other: EncodedIntervals): number {
    let sum = 0;
    for (const [from, to] of this.#list)
      for (const [start, end] of other) sum += Math.max(0, Math.min(to, end) - Math.max(from, start) + 1);
    return sum;
  }

  encode(): EncodedIntervals {
    return this.#list;
  }

  /** Index of the first interval that begins at `number` or later. */
  #firstFrom(number: number): number {
    let at = this.#list.length; // from the end: what is added is mostly the highest
    while (at > 0 && (this.#list[at - 1]?.[0] ?? 0) >= number) at--;
    return at;
  }

  #around(number: number): [number, number] | undefined {
    const candidate = this.#list[this.#firstFrom(number + 1) - 1];
    return candidate !== undefined && number <= candidate[1] ? candidate : undefined;
  }

  #forgetFirst(): void {
    const [first] = this.#list.splice(0, 1);
    if (first === undefined) return;
    const length = first[1] - first[0] + 1;
    this.#size -= length;
    this.#forgotten += length;
  }
}
