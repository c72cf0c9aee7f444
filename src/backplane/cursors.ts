import { type Channel, joinNames, type Position } from "../protocol/protocol.ts";

/** The last offset that each device has acknowledged, by channel. */
export interface Cursors {
  /** Reads the cursors of a device, in the order asked; undefined where it has acknowledged nothing. */
  read(user: string, device: string, channels: readonly Channel[]): Promise<(Position | undefined)[]>;
  /**
   * Moves a cursor forward, never back, and tells the watchers.
   * @returns the cursor. Rejects with `bad_request` beyond the last offset, `conflict` for another epoch
   */
  move(
    user: string,
    device: string,
    channel: Channel,
    to: { offset: number; epoch?: string },
  ): Promise<number>;
  /**
   * Asks for `acknowledged` of a channel on this node until the returned function is called.
   * MUST hold for every message whose `append` is called after it, without waiting for the promise.
   */
  watch(channel: Channel): Promise<() => void>;
}

/** Names a user's device among the cursors of a channel. */
export const cursorName = (user: string, device: string): string => joinNames(user, device);
