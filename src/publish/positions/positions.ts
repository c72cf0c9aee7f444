/** Positions as clients see them: `position` frames, and the proofs of those who may not read the history. */
import type { Connection } from "../../local/local.ts";
import {
  type Channel,
  encodeServerFrame,
  type Position,
  type PositionFrame,
} from "../../protocol/protocol.ts";
import { SealedChannels } from "./sealed.ts";

/**
 * Encodes a `position` frame for one connection.
 * @param missed true: messages up to the position may have been dropped on the way to this connection. False: the client misses none
 */
export const positionText = (
  connection: Connection,
  channel: Channel,
  position: Position,
  recovered: boolean,
  missed?: boolean,
): string => {
  const epoch = epochFor(connection, channel, position);
  return positionFrame(channel, { epoch, offset: position.offset }, recovered, missed);
};

/** Encodes a `position` frame whose epoch is the one that its receivers see. */
export function positionFrame(
  channel: Channel,
  { epoch, offset }: Position,
  recovered: boolean,
  missed?: boolean,
): string {
  const frame: PositionFrame = { event: "position", channel, epoch, offset, recovered, missed };
  return encodeServerFrame(frame);
}

/** The epoch of a position as a connection sees it: with a proof where its user may not read the history. */
export const epochFor = (connection: Connection, channel: Channel, position: Position): string =>
  connection.attachment(SealedChannels)?.epoch(connection.user, channel, position) ?? position.epoch;

export { type MayRead, PositionGuard } from "./guard.ts";
export { PositionKey } from "./key.ts";
export { bareEpoch } from "./seal.ts";
