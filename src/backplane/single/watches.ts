import type { Channel } from "../../protocol/protocol.ts";

/** Watches of the acknowledgements of channels. */
export class Watches {
  /** Number of watches by channel. */
  readonly #counts = new Map<Channel, number>();

  has(channel: Channel): boolean {
    return this.#counts.has(channel);
  }

  /** Adds a watch. @returns a function that ends it */
  add(channel: Channel): () => void {
    this.#counts.set(channel, (this.#counts.get(channel) ?? 0) + 1);
    let watching = true;
    return () => {
      if (watching) this.#remove(channel);
      watching = false;
    };
  }

  #remove(channel: Channel): void {
    const left = (this.#counts.get(channel) ?? 0) - 1;
    if (left > 0) this.#counts.set(channel, left);
    else this.#counts.delete(channel);
  }
}
