import { Attachment } from "../../local/local.ts";
import type { Channel, Position } from "../../protocol/protocol.ts";
import type { PositionKey } from "./key.ts";
import { sealedEpoch } from "./seal.ts";

/** Channels of a connection whose history its user may not read, with the epochs that it was told. */
export class SealedChannels extends Attachment {
  /** Undefined until the first position. */
  readonly #told = new Map<Channel, { readonly epoch: string; readonly text: string } | undefined>();
  #key: PositionKey | undefined;

  has(channel: Channel): boolean {
    return this.#told.has(channel);
  }

  /** Begins to seal the epochs of a channel. @param key that is known */
  add(key: PositionKey, channel: Channel): void {
    this.#key = key;
    if (!this.#told.has(channel)) this.#told.set(channel, undefined);
  }

  /** Takes a sealed epoch that the client has from an earlier connection: its proof reaches back further. */
  keep(channel: Channel, epoch: string, text: string): void {
    this.#told.set(channel, { epoch, text });
  }

  delete(channel: Channel): void {
    this.#told.delete(channel);
  }

  /**
   * The epoch of a position with its proof; undefined for a channel that is not sealed. One text for each epoch, because clients compare them: the first
   * position of an epoch that a connection hears is its lowest.
   */
  epoch(user: string, channel: Channel, { epoch, offset }: Position): string | undefined {
    const told = this.#told.get(channel);
    if (told?.epoch === epoch) return told.text;
    const key = this.#key?.current;
    if (key === undefined || !this.#told.has(channel)) return undefined;
    const text = sealedEpoch(key, { user, channel, epoch, offset });
    this.#told.set(channel, { epoch, text });
    return text;
  }
}
