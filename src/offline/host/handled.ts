import type { Channel, Client, Positions } from "../../client/client.ts";
import type { SavedPositions } from "../store.ts";

/**
 * How far the messages of each channel are handled by one of the tabs: where the next host continues. What it repeats, the
 * tabs have seen and drop.
 */
export class Handled {
  readonly #offsets = new Map<Channel, number>();
  readonly #last = new Map<Channel, number>();

  /** Notes a message that the tabs get now. */
  pushed(channel: Channel, offset: number): void {
    // Messages to everyone have no acknowledgement.
    if (!this.#offsets.has(channel) || channel === "all")
      this.#offsets.set(channel, channel === "all" ? offset : offset - 1);
    this.#last.set(channel, offset);
  }

  /** @returns false when all of it was handled before */
  acked(channel: Channel, offset: number): boolean {
    const before = this.#offsets.get(channel);
    if (before !== undefined && before >= offset) return false;
    this.#offsets.set(channel, offset);
    return true;
  }

  /** Notes that the history of a channel has begun anew, or that the client has left it. */
  restart(channel: Channel): void {
    this.#offsets.delete(channel);
    this.#last.delete(channel);
  }

  /** The client's positions, stepped back to what is handled. */
  positions(client: Client): SavedPositions {
    const positions: Positions = {};
    for (const [channel, position] of Object.entries(client.positions) as [Channel, Positions[Channel]][]) {
      const offset = this.#offsets.get(channel);
      const isBehind = offset !== undefined && offset < (this.#last.get(channel) ?? 0);
      positions[channel] = isBehind && position ? { epoch: position.epoch, offset } : position;
    }
    return { ...(client.user !== undefined && { user: client.user }), positions };
  }
}
