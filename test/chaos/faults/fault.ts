import type { Dice, Plannable } from "../plan.ts";
import type { Kind } from "../redis/kind.ts";
import type { World } from "../world.ts";

/** Ends a fault, and resolves when what it broke is whole again. */
export type Heal = () => Promise<void>;

/** Nothing to end. */
export const HEALED: Heal = async () => undefined;

/** Something that goes wrong for a while. */
export interface Fault extends Plannable {
  readonly on: readonly Kind[];
  /** It destroys what Redis has: clients may be told of a loss. @default false */
  readonly loses?: boolean;
  /**
   * It may destroy an idempotency key alone, and nobody can know: a message that is repeated under it may be stored twice.
   * @default false
   */
  readonly forgetsKeys?: boolean;
  /** @throws Error when the fault shows a mistake by itself, as a move of slots that cannot end */
  begin(world: World, dice: Dice): Promise<Heal>;
}
