import type { Channel, Position } from "../protocol/protocol.ts";

/** The last offset that each device has acknowledged, by channel. */
export interface Cursors {
  /**
   * Reads the cursors of a device, in the order asked; undefined where it has acknowledged nothing. A cursor of a lost
   * history MUST keep its epoch, so that the device is told of the loss. A channel keeps the cursors of the devices of
   * a user that acknowledged last; where a cursor may have been dropped and messages with it, the answer is
   * {@link UNKNOWN}.
   */
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

/** Position of a device whose cursor may have been dropped. No history has this epoch, so the replay tells of a loss. */
export const UNKNOWN: Position = { epoch: "", offset: 0 };
