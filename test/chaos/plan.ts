/** Random numbers that a seed decides: the generator mulberry32. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  /** About this share of the items, and at least one. */
  some<Item>(items: readonly Item[], share: number): readonly Item[] {
    const chosen = items.filter(() => this.next() < share);
    return chosen.length > 0 || items.length === 0 ? chosen : [this.pick(items)];
  }

  seed(): number {
    return Math.floor(this.next() * 2 ** 31);
  }
}

/** What a plan has to know of a fault. */
export interface Plannable {
  readonly name: string;
  /** Steps of one lane follow each other; the lanes run side by side. */
  readonly lane: string;
  /** Bounds of its duration in milliseconds. */
  readonly lastsMs: readonly [least: number, most: number];
}

/** One fault of a round. */
export interface Step {
  readonly fault: string;
  /** Pause before it. */
  readonly afterMs: number;
  /** Time from its begin to its end. */
  readonly forMs: number;
  /** Decides what the fault chooses: a node, a connection, a key. */
  readonly seed: number;
}

/** The steps of a round, by lane. */
export type Plan = Readonly<Record<string, readonly Step[]>>;

const PAUSE_MS = [200, 2_500] as const;

/** The plan of a seed. The plan is the same for the same seed, faults and number of steps. */
export function planOf(seed: number, faults: readonly Plannable[], stepsPerLane: number): Plan {
  const dice = new Dice(seed);
  const byName = faults.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const lanes = Object.entries(Object.groupBy(byName, ({ lane }) => lane));
  return Object.fromEntries(
    lanes.map(([lane, choices = []]) => [
      lane,
      Array.from({ length: stepsPerLane }, () => stepOf(dice, choices)),
    ]),
  );
}

function stepOf(dice: Dice, faults: readonly Plannable[]): Step {
  const { name, lastsMs } = dice.pick(faults);
  return {
    fault: name,
    afterMs: dice.whole(...PAUSE_MS),
    forMs: dice.whole(...lastsMs),
    seed: dice.seed(),
  };
}
