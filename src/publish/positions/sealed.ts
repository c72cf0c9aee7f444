import { Attachment } from "../../local/local.ts";
import type { Channel, Position } from "../../protocol/protocol.ts";
import type { PositionKey } from "./key.ts";
import { sealedEpoch } from "./seal.ts";

/** Channels of a connection whose history its user may not read, and the epochs that the client knows of them. */
export class SealedChannels extends Attachment {
  /** By channel: true when the policy has said no, false while it cannot say. */
  readonly #channels = new Map<Channel, boolean>();
  /** Epochs with their proofs, also of channels that the connection has not entered yet. */
  readonly #told = new Map<Channel, { readonly epoch: string; readonly text: string }>();
  #key: PositionKey | undefined;

  has(channel: Channel): boolean {
    return this.#channels.has(channel);
  }

  isCertain(channel: Channel): boolean {
    return this.#channels.get(channel) === true;
  }

  /** Begins to seal the epochs of a channel. @param key that is known */
  add(key: PositionKey, channel: Channel, isCertain: boolean): void {
    this.#key = key;
    this.#channels.set(channel, isCertain);
  }

  /** Takes an epoch that the client has from an earlier connection, after its proof was checked: it reaches back further. */
  keep(channel: Channel, epoch: string, text: string): void {
    this.#told.set(channel, { epoch, text });
  }

  delete(channel: Channel): void {
    this.#channels.delete(channel);
  }

  /**
   * The epoch of a position with its proof; undefined for a channel that is not sealed. One text for each epoch, because clients compare them: the first
   * position of an epoch that a client hears is its lowest.
   */
  epoch(user: string, channel: Channel, { epoch, offset }: Position): string | undefined {
    const key = this.#key?.current;
    if (key === undefined || !this.#channels.has(channel)) return undefined;
    const told = this.#told.get(channel);
    if (told?.epoch === epoch) return told.text;
    const text = sealedEpoch(key, { user, channel, epoch, offset });
    this.#told.set(channel, { epoch, text });
    return text;
  }
}
