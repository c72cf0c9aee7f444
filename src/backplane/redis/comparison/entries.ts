import { setImmediate as nextTurn } from "node:timers/promises";
import type { Mending } from "../../port.ts";
import { EVERY_PARTITION } from "../wire/keys.ts";

/** A kind of entries that this node and Redis both have. */
export interface Entries<Name extends string> {
  readonly what: Mending;
  /** All entries of this node. */
  readonly names: () => Iterable<Name>;
  readonly partitionOf: (name: Name) => number;
  /** Compares entries of one partition, and sets right what differs. @returns number of differences */
  readonly compare: (names: readonly Name[], partition: number) => Promise<number>;
}

/** One script of a comparison. */
export interface Step {
  readonly what: Mending;
  readonly partition: number;
  /** @returns number of differences, which are set right */
  readonly run: () => Promise<number>;
}

/** Makes the steps of a round. @returns the steps of each partition, by its number */
export type Plan = () => Promise<Step[][]>;

/** Entries in one script: a script takes about a millisecond. */
const PER_SCRIPT = 250;
/** Names that are sorted by partition before other work has its turn. */
const PER_TURN = 2_000;

/** Plans the comparison of entries, in turns: a node may have 100,000 of them. */
export function planOf<Name extends string>(entries: Entries<Name>): Plan {
  return async () => {
    const sorted: Name[][] = EVERY_PARTITION.map(() => []);
    let count = 0;
    for (const name of entries.names()) {
      sorted[entries.partitionOf(name)]?.push(name);
      if (++count % PER_TURN === 0) await nextTurn();
    }
    return sorted.map((names, partition) => [...stepsOf(entries, names, partition)]);
  };
}

function* stepsOf<Name extends string>(
  { what, compare }: Entries<Name>,
  names: readonly Name[],
  partition: number,
): Iterable<Step> {
  for (let start = 0; start < names.length; start += PER_SCRIPT) {
    yield { what, partition, run: () => compare(names.slice(start, start + PER_SCRIPT), partition) };
  }
}

/** Plans one step for each partition. */
export const planEach = (what: Mending, sweep: (partition: number) => Promise<number>): Plan => {
  const steps = EVERY_PARTITION.map((partition) => [{ what, partition, run: () => sweep(partition) }]);
  return async () => steps;
};
