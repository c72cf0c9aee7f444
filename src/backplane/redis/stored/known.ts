import type { Channel } from "../../../protocol/protocol.ts";
import type { Delivered } from "../history/histories.ts";
import { partitionOf } from "../wire/keys.ts";

/** Positions of this node in histories, one for each channel. */
export interface Known {
  readonly positions: ReadonlyMap<Channel, Delivered>;
  /** Partition whose positions were kept when its master changed; undefined for present ones. */
  readonly keptOf?: number;
}

export interface KnownPositionsParts {
  /** Positions of the messages that this node has confirmed to their senders. */
  readonly confirmed: () => Iterable<[Channel, Delivered]>;
  /** Positions up to which this node has delivered. */
  readonly delivered: () => Iterable<[Channel, Delivered]>;
}

/**
 * The positions that this node compares with Redis. Of a channel there may be several: a former master may have stored
 * messages at offsets that the present one gave to others, and later messages follow on both. So neither the position
 * that is delivered stands for the one that was confirmed, nor the present one for that before the change.
 */
export class KnownPositions {
  readonly #parts: KnownPositionsParts;
  #kept: Known[] = [];

  constructor(parts: KnownPositionsParts) {
    this.#parts = parts;
  }

  /** Keeps the positions in a partition as they are now, until {@link take}: they are about to move on. */
  keep(partition: number): void {
    for (const { positions } of this.#present(new Set([partition]))) {
      const copies = [...positions].map(([channel, position]) => [channel, { ...position }] as const);
      this.#kept.push({ positions: new Map(copies), keptOf: partition });
    }
  }

  /** Keeps positions again that could not be compared. Present ones are known anyway. */
  putBack(known: Known): void {
    if (known.keptOf !== undefined) this.#kept.push(known);
  }

  /** Takes the positions that were kept, and reads the present ones. @param partitions undefined: all */
  take(partitions?: ReadonlySet<number>): readonly Known[] {
    const isChosen = ({ keptOf = 0 }: Known): boolean => partitions?.has(keptOf) ?? true;
    const kept = this.#kept.filter(isChosen);
    this.#kept = this.#kept.filter((known) => !isChosen(known));
    return [...kept, ...this.#present(partitions)];
  }

  /** Confirmed positions that are not the delivered ones, and the delivered ones. */
  #present(partitions?: ReadonlySet<number>): Known[] {
    const isChosen = ([channel]: [Channel, Delivered]): boolean =>
      partitions?.has(partitionOf(channel)) ?? true;
    const delivered = new Map([...this.#parts.delivered()].filter(isChosen));
    const confirmed = [...this.#parts.confirmed()].filter(
      (known) => isChosen(known) && !isSame(known[1], delivered.get(known[0])),
    );
    return [{ positions: new Map(confirmed) }, { positions: delivered }].filter(
      ({ positions }) => positions.size > 0,
    );
  }
}

const isSame = (one: Delivered, other: Delivered | undefined): boolean =>
  one.offset === other?.offset && one.epoch === other.epoch && one.id === other.id;
