import type { Channel } from "../../../protocol/protocol.ts";
import type { Histories } from "./histories.ts";
import { LIGHT_BYTES } from "./limits.ts";

/** Under pressure, light histories have at most this part of the room. */
const LIGHT_SHARE = 1 / 4;
/** Relief goes on down to this part of the limit, so that not every message needs one. */
const GOAL = 31 / 32;
/** Histories that give way in one transaction, at most. */
const STEPS = 64;

/**
 * Keeps all histories within their limit. The heaviest gives way: a channel that grows loses its own older messages, any other one
 * loses its history. Many light histories give way among themselves, so that a flood of them pushes nobody else out.
 */
export class Relief {
  readonly #histories: Histories;

  constructor(histories: Histories) {
    this.#histories = histories;
  }

  /** To be called in a transaction. @param inUse channels that have grown in it */
  run(inUse: ReadonlySet<Channel>): void {
    const { statements, limits, bytes } = this.#histories;
    if (bytes <= limits.totalBytes) return;
    const goal = limits.totalBytes * GOAL;
    let spareLight = Number(statements.sumLight.get(LIGHT_BYTES)?.bytes) - limits.totalBytes * LIGHT_SHARE;
    for (let steps = 0; steps < STEPS && this.#histories.bytes > goal; steps++) {
      const before = this.#histories.bytes;
      if (spareLight > 0 && this.#loseLight(inUse)) spareLight -= before - this.#histories.bytes;
      else if (!this.#step(inUse)) return;
    }
  }

  /** @returns false without a light history that can give way */
  #loseLight(inUse: ReadonlySet<Channel>): boolean {
    const name = this.#histories.statements.light.get(LIGHT_BYTES)?.name as Channel | undefined; // by the schema
    return name !== undefined && !inUse.has(name) && this.#lose(name);
  }

  /** @returns false when nothing can give way */
  #step(inUse: ReadonlySet<Channel>): boolean {
    const { statements } = this.#histories;
    for (let rank = 0; rank <= inUse.size; rank++) {
      const name = statements.heaviest.get(rank)?.name as Channel | undefined; // by the schema
      if (name === undefined) return false;
      if (!inUse.has(name)) return this.#lose(name);
      const state = this.#histories.open(name);
      if (state.length > 1) {
        this.#histories.halve(state);
        return true;
      }
    }
    return false;
  }

  #lose(name: Channel): true {
    this.#histories.lose(this.#histories.open(name));
    return true;
  }
}
