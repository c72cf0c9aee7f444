import type { Socket } from "node:net";

/**
 * Bytes that the node reads from one socket before others have their turn. libuv reads a socket up to 32 times in a
 * turn of the event loop, so a client that floods would hold the node for two MiB of small frames.
 */
const READ_BYTES = 65_536;

/** The stream that was read last, and the bytes that were read from it one after the other. */
let lastRead: Socket | undefined;
let readBytes = 0;

/** Counts a read. @returns true when the stream has had its share of this turn */
export function hasHadItsTurn(stream: Socket, length: number): boolean {
  if (stream !== lastRead) readBytes = 0;
  lastRead = stream;
  readBytes += length;
  if (readBytes < READ_BYTES) return false;
  lastRead = undefined;
  return true;
}
