import { setImmediate } from "node:timers/promises";

/** Time that all long loops of the node together may run before the event loop goes round, in milliseconds. */
const TURN_MS = 5;
/** Steps of a loop between two looks at the clock, so that short loops never look. */
const STEPS = 16;

/**
 * Lets the event loop go round between the steps of long loops. Awaiting promises that are resolved already does not:
 * a login with a thousand groups would keep everyone else waiting until its last one.
 */
export class Pace {
  #endsAt = 0;
  #turn: Promise<void> | undefined;

  /**
   * Call it after each step of a loop, and await the answer.
   * @returns undefined while the turn lasts; else a promise that resolves in the next one
   */
  after(step: number): Promise<void> | undefined {
    if (step % STEPS !== STEPS - 1) return undefined;
    const now = performance.now();
    if (this.#turn !== undefined) return now < this.#endsAt ? undefined : this.#turn;
    this.#endsAt = now + TURN_MS;
    this.#turn = setImmediate().then(() => {
      this.#turn = undefined;
    });
    return undefined;
  }
}
