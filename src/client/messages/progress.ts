import type { Channel, Positions } from "../../protocol/protocol.ts";
import type { AckPosition } from "./acks.ts";

/** A delivered message that is not handled, or waits for an earlier one. */
interface Delivered extends AckPosition {
  isHandled: boolean;
}

/** Up to where each channel is handled. A channel advances in order, because acknowledgements are cumulative. */
export class Progress {
  readonly #handled: (channel: Channel, position: AckPosition) => void;
  /** The first message that is not handled, and those behind it. */
  readonly #open = new Map<Channel, Delivered[]>();

  /** @param handled called when all stored messages of the channel up to the position are handled */
  constructor(handled: (channel: Channel, position: AckPosition) => void) {
    this.#handled = handled;
  }

  /** Notes a delivered message. @param handling its listeners' promise; undefined when they have ended */
  add(channel: Channel, position: AckPosition, handling: Promise<unknown> | undefined): void {
    const open = this.#open.get(channel) ?? [];
    this.#open.set(channel, open);
    const delivered = { ...position, isHandled: handling === undefined };
    open.push(delivered);
    this.#advance(channel, open);
    void handling?.then(() => {
      delivered.isHandled = true;
      this.#advance(channel, open);
    });
  }

  /** Discards what is known of a channel that the client left. */
  forget(channel: Channel): void {
    this.#open.delete(channel);
  }

  /** Steps back positions to where the channel is handled. */
  bound(positions: Positions): Positions {
    for (const [channel, [first]] of this.#open) {
      const epoch = first?.epoch ?? positions[channel]?.epoch;
      if (first && epoch) positions[channel] = { epoch, offset: first.offset - 1 };
    }
    return positions;
  }

  #advance(channel: Channel, open: Delivered[]): void {
    let last: Delivered | undefined;
    while (open[0]?.isHandled) last = open.shift();
    if (last && this.#open.get(channel) === open) this.#handled(channel, last);
  }
}
